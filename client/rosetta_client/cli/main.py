"""`rosetta`: the commands by name, and what becomes of errors."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from rosetta_client.cli.errors import INTERRUPTED, PIPE_CLOSED, exit_code, explain
from rosetta_client.cli.session import Session
from rosetta_client.cli.text import clean
from rosetta_client.errors import RosettaError
from rosetta_client.version import VERSION

# Each command: its module in this package, which is imported when it is used.
COMMANDS = {
    "login": "login",
    "version": "version",
    "logout": "login",
    "whoami": "login",
    "software": "software",
    "computing": "computing",
    "start": "start",
    "ls": "tasks",
    "logs": "logs",
    "open": "open",
    "stop": "tasks",
    "rm": "tasks",
    "ssh": "ssh",
    "forward": "forward",
    "share": "share",
    "files": "files",
    "completion": "completion",
}


class LazyGroup(click.Group):
    """Imports the module of a command when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, `NAME_command` of its module."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"rosetta_client.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--hub", metavar="URL", help="The hub to ask, instead of the last one logged in to.")
@click.version_option(VERSION, prog_name="rosetta")
@click.pass_context
def rosetta(context: click.Context, hub: str | None) -> None:
    """Start and use containers on the computing resources of a hub.

    Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 not found, 4 not logged in, 5 the task
    failed, 6 time over, 7 the hub can't be reached, 130 interrupted, 141 the output was closed.
    """
    session: Session = context.obj
    session.hub = hub


def main(arguments: list[str] | None = None) -> None:
    """Run a command, and exit."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    with Session() as session:
        return _run(arguments, session)


def _run(arguments: list[str] | None, session: Session) -> int:
    try:
        result: Any = rosetta.main(
            arguments, prog_name="rosetta", standalone_mode=False, obj=session
        )
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except RosettaError as error:
        click.echo(f"rosetta: {clean(explain(error))}", err=True)
        return exit_code(error)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # click ends the program by itself where a pipe is closed, and only there.
        return _close_output()


def _close_output() -> int:
    """Whoever read the output (`head`, a pager) has gone: say nothing, now and when Python ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    return PIPE_CLOSED
