"""`rosetta open`, and opening pages in the browser for other commands."""

from __future__ import annotations

import os
import sys

import click

from rosetta_client.cli.find import find_task
from rosetta_client.cli.session import Session, pass_session
from rosetta_client.errors import NotFound, RosettaError
from rosetta_client.models import TaskView


@click.command("open")
@click.argument("task")
@click.option("--interface", metavar="NAME", help="A further interface of the task.")
@click.option("--print", "only_print", is_flag=True, help="Show the address, and open nothing.")
@pass_session
def open_command(session: Session, task: str, interface: str | None, only_print: bool) -> None:
    """Open a task in the browser.

    TASK is an id or a name. Where there is no browser, its address is shown.
    """
    view = find_task(session.client, task)
    open_page(session.endpoint.absolute(address_of(view, interface)), only_print)


def address_of(task: TaskView, interface: str | None = None) -> str:
    """The path of the hub that opens a task, or one of its further interfaces.

    Raises:
        NotFound: it has no such interface.
        RosettaError: nobody can go in now.
    """
    address = task.open_url
    if interface is not None:
        names = {further.name: further for further in task.interfaces}
        if interface not in names:
            text = ", ".join(names) or "none"
            raise NotFound(f"The task has no interface {interface!r}; further ones: {text}.")
        address = names[interface].url
    if address is None:
        if task.state == "running" and task.interface.protocol != "http":
            raise RosettaError(f"The task is not for browsers. Use 'rosetta ssh {task.id}'.")
        raise RosettaError(f"Nobody can go into the task now: {task.message}")
    return address


def has_browser() -> bool:
    """Whether a browser that is opened here is on the screen of the user."""
    if os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"):
        return False
    if os.environ.get("BROWSER") or sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_page(address: str, only_print: bool = False, err: bool = False) -> None:
    """Open an address, which is shown as well (on stderr with `err`): a browser may fail."""
    click.echo(address, err=err)
    if not only_print and has_browser():
        import webbrowser

        webbrowser.open(address)
