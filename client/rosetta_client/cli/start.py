"""`rosetta start`."""

from __future__ import annotations

import sys
from typing import Any

import click

from rosetta_client.cli.open import address_of, open_page
from rosetta_client.cli.output import Column, Form, form_options, progress_bar, show_item
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
@click.option("--open", "opens", is_flag=True, help="Wait, and open it in the browser.")
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
    opens: bool,
    timeout: float | None,
    form: Form,
) -> None:
    """Start SOFTWARE, given by its id or as ID:VERSION."""
    identifier, _, version = software.partition(":")
    options = NewTask(
        software=identifier, version=version or None, computing=computing, size=size, name=name
    )
    task = session.client.start_task(options)
    if wait or opens:
        with Narrator() as narrator:
            task = wait_until_running(session.client, task, timeout, narrator.tell)
    show_item(task, _COLUMNS, form)
    if opens:
        open_page(session.endpoint.absolute(address_of(task)))


class Narrator:
    """Says on stderr what a task waits for: each message once, and a bar for what is counted."""

    def __init__(self) -> None:
        self._told = ""
        self._bar: Any = None
        self._is_terminal = sys.stderr.isatty()

    def __enter__(self) -> Narrator:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_bar()

    def tell(self, task: TaskView) -> None:
        """Show the task's message if it is another than before, and how far its image is."""
        if task.progress is not None and self._is_terminal:
            self._move_bar(task.message, task.progress.done, task.progress.total)
            return
        self._end_bar()
        if task.message != self._told:
            self._told = task.message
            click.echo(clean(task.message), err=True)

    def _move_bar(self, label: str, amount: int, total: int) -> None:
        if self._bar is None or self._bar.length != total:
            self._end_bar()
            self._bar = progress_bar(clean(label), total)
        self._bar.update(amount - self._bar.pos)

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.render_finish()
            self._bar = None
