"""`rosetta logs`."""

from __future__ import annotations

import sys

import click

from rosetta_client.cli.errors import TASK_FAILED
from rosetta_client.cli.find import find_task
from rosetta_client.cli.session import Session, pass_session
from rosetta_client.cli.text import clean, clean_log


@click.command("logs")
@click.argument("task")
@click.option("-f", "--follow", is_flag=True, help="Show what comes, until the task is over.")
@click.option("--attempt", type=int, help="The log of this attempt; by default the last one.")
@pass_session
def logs_command(session: Session, task: str, follow: bool, attempt: int | None) -> int:
    """Show the output of TASK, an id or a name.

    With --follow the exit code is 5 where the task fails.
    """
    view = find_task(session.client, task)
    if not follow:
        _show(session.client.get_task_log(view.id, attempt=attempt))
        return 0
    follower = session.client.follow_log(view, _say)
    for piece in follower.follow():
        _show(piece)
        sys.stdout.flush()
    if follower.task.state != "failed":
        return 0
    _say(follower.task.message)
    return TASK_FAILED


def _show(text: str) -> None:
    """A terminal gets nothing that acts on it; a file gets the log as it is."""
    # Not by click, which takes some control characters out of what goes into files.
    sys.stdout.write(clean_log(text) if sys.stdout.isatty() else text)


def _say(message: str) -> None:
    click.echo(f"rosetta: {clean(message)}", err=True)
