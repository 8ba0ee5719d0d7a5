"""`rosetta ls`, `stop` and `rm`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from rosetta_client.cli.amounts import age
from rosetta_client.cli.find import find_task
from rosetta_client.cli.output import Column, Form, form_options, show_items
from rosetta_client.cli.session import Session, pass_session
from rosetta_client.models import TaskView


def task_columns(session: Session) -> Sequence[Column]:
    """The columns of a list of tasks."""

    def show_age(task: TaskView) -> str:
        return age(task.started or task.created, session.client.transport.now())

    return (
        Column("ID", lambda task: task.id),
        Column("NAME", lambda task: task.name),
        Column("SOFTWARE", lambda task: f"{task.software.id}:{task.software.version}"),
        Column("COMPUTING", lambda task: task.computing.id),
        Column("STATE", lambda task: task.state),
        Column("AGE", show_age),
        Column("MESSAGE", lambda task: task.message),
    )


@click.command("ls")
@form_options
@pass_session
def ls_command(session: Session, form: Form) -> None:
    """List your tasks, and those that are shared with you."""
    show_items(session.client.iterate_tasks(), task_columns(session), form)


@click.command("stop")
@click.argument("tasks", metavar="TASK...", nargs=-1, required=True)
@pass_session
def stop_command(session: Session, tasks: Sequence[str]) -> None:
    """Stop tasks; those that wait are cancelled. TASK is an id or a name."""
    for text in tasks:
        session.client.stop_task(find_task(session.client, text).id)


@click.command("rm")
@click.argument("tasks", metavar="TASK...", nargs=-1, required=True)
@pass_session
def rm_command(session: Session, tasks: Sequence[str]) -> None:
    """Stop tasks and delete them with their logs. TASK is an id or a name."""
    for text in tasks:
        session.client.delete_task(find_task(session.client, text).id)
