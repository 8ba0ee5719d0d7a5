"""`rosetta start`."""

from __future__ import annotations

import click

from rosetta_client.cli.output import Column, Form, form_options, show_item
from rosetta_client.cli.session import Session, pass_session
from rosetta_client.cli.text import clean
from rosetta_client.models import NewTask, TaskView
from rosetta_client.waiting import wait_until_running

_COLUMNS = (
    Column("Task", lambda task: task.id),
    Column("Name", lambda task: task.name),
    Column("State", lambda task: task.state),
    Column("Message", lambda task: task.message),
)


@click.command("start")
@click.argument("software")
@click.option("--on", "computing", metavar="RESOURCE", help="The computing resource to start on.")
@click.option("--size", metavar="NAME", help="One of the resource's sizes.")
@click.option("--name", help="The name of the task.")
@click.option("--wait", is_flag=True, help="Wait until it runs.")
@click.option("--timeout", type=float, metavar="SECONDS", help="How long to wait at most.")
@form_options
@pass_session
def start_command(
    session: Session,
    software: str,
    computing: str | None,
    size: str | None,
    name: str | None,
    wait: bool,
    timeout: float | None,
    form: Form,
) -> None:
    """Start SOFTWARE, given by its id or as ID:VERSION."""
    identifier, _, version = software.partition(":")
    options = NewTask(
        software=identifier, version=version or None, computing=computing, size=size, name=name
    )
    task = session.client.start_task(options)
    if wait:
        task = wait_until_running(session.client, task, timeout, Narrator().tell)
    show_item(task, _COLUMNS, form)


class Narrator:
    """Says on stderr what a task waits for, once each."""

    def __init__(self) -> None:
        self._told = ""

    def tell(self, task: TaskView) -> None:
        """Show the task's message if it is another than before."""
        if task.message != self._told:
            self._told = task.message
            click.echo(clean(task.message), err=True)
