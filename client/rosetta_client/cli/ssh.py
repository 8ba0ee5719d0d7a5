"""`rosetta ssh`: a login in a task, with OpenSSH."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

import click

from rosetta_client.cli.askpass import HUB_OF_PASSWORD
from rosetta_client.cli.errors import exit_code
from rosetta_client.cli.find import find_task, is_id
from rosetta_client.cli.session import Session, pass_session
from rosetta_client.cli.ssh_options import (
    build_config_block,
    build_options,
    build_ssh_command,
    check_ssh,
    find_program,
)
from rosetta_client.cli.stdio import StandardStreams
from rosetta_client.cli.text import clean
from rosetta_client.config import config_path
from rosetta_client.errors import ConfigError, RosettaError
from rosetta_client.models import TaskView

_ARGUMENTS = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@click.command("ssh", context_settings=_ARGUMENTS)
@click.option("--stdio", is_flag=True, help="Connect standard input and output: a ProxyCommand.")
@click.option("--config", is_flag=True, help="Print a block for ~/.ssh/config, and end.")
@click.argument("task", metavar="TASK")
@click.argument("arguments", metavar="[SSH_ARGUMENT]...", nargs=-1, type=click.UNPROCESSED)
@pass_session
def ssh_command(
    session: Session, stdio: bool, config: bool, task: str, arguments: Sequence[str]
) -> int | None:
    """Log in to a task over SSH, or run a command.

    What stands behind TASK (an id or a name) goes to ssh: a command, or options such as -X and -L.
    The password of the task is given to ssh without being shown.
    """
    if stdio and config:
        raise click.UsageError("--stdio and --config exclude each other.")
    if stdio:
        return _carry_stdio(session, task)
    view = find_task(session.client, task)
    check_ssh(view)
    # Where ssh keeps the host keys of tasks.
    config_path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = build_options(find_program("rosetta"), session.endpoint.hub, view)
    if config:
        click.echo(build_config_block(options, view), nl=False)
        return None
    command = arguments[1:] if arguments[:1] == ("--",) else arguments
    return _run(build_ssh_command(_find_ssh(), options, view, command), _environment(session, view))


def _find_ssh() -> str:
    ssh = shutil.which("ssh")
    if ssh is None:
        raise ConfigError("The program ssh is missing. Install OpenSSH's client.")
    return ssh


def _environment(session: Session, task: TaskView) -> Mapping[str, str]:
    """Variables with which ssh asks a program of ours for the password."""
    if task.interface.auth != "password":
        return os.environ
    return {
        **os.environ,
        "SSH_ASKPASS": find_program("rosetta-askpass"),
        "SSH_ASKPASS_REQUIRE": "force",
        # OpenSSH before 8.4 uses it only where there is a display, of whatever kind.
        "DISPLAY": os.environ.get("DISPLAY", "") or "none",
        HUB_OF_PASSWORD: session.endpoint.hub,
    }


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run ssh; returns its exit code. Where it can be, it is run in our place: then it has the
    terminal and its signals for itself."""
    if sys.platform != "win32":
        sys.stdout.flush()
        os.execve(command[0], list(command), environment)  # noqa: S606
    return subprocess.run(command, env=environment, check=False).returncode


def _carry_stdio(session: Session, text: str) -> int:
    """Be the connection of an ssh, whose parent has the terminal; returns the exit code."""
    from rosetta_client.connection import carry, open_connection

    async def run() -> None:
        connection = await open_connection(session.endpoint, task)
        await carry(connection, StandardStreams())

    try:
        # No question to the hub before the one that counts: every ssh waits for it.
        task = text if is_id(text) else find_task(session.client, text).id
        asyncio.run(run())
    except RosettaError as error:
        # A terminal in raw mode, as ssh has it, does not go back to the left by itself.
        end = "\r" if sys.stderr.isatty() else ""
        click.echo(f"{end}rosetta: {clean(str(error))}{end}", err=True)
        return exit_code(error)
    return 0
