"""What OpenSSH is told to get to a task: options of a command, or a block of its configuration."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rosetta_client.config import config_path
from rosetta_client.errors import ConfigError, RosettaError
from rosetta_client.models import TaskView

# Seconds between two questions whether the other side is there, of which three may stay unanswered.
ALIVE_INTERVAL = 30


def find_program(name: str) -> str:
    """The path of a program of this package.

    Raises:
        ConfigError: it is not installed.
    """
    for folder in (Path(sys.argv[0]).parent, Path(sys.executable).parent):
        path = shutil.which(str((folder / name).absolute()))
        if path:
            return path
    on_path = shutil.which(name)
    if on_path is None:
        raise ConfigError(f"The program {name} is missing. Install rosetta-hub-client again.")
    return on_path


def host_alias(task: TaskView) -> str:
    """The name by which SSH knows a task."""
    return f"rosetta-{task.id}"


def check_ssh(task: TaskView) -> None:
    """See that a task is an SSH server.

    Raises:
        RosettaError: it is something else.
    """
    protocol = task.interface.protocol
    if protocol != "ssh":
        raise RosettaError(
            f"{task.name} has no SSH server, it speaks {protocol}. Use 'rosetta open', or"
            " 'rosetta forward'."
        )


def build_proxy_command(program: str, hub: str, task: TaskView) -> str:
    """The command that OpenSSH runs for the connection: a line for a shell, after its own `%`."""
    argv = [program, "--hub", hub, "ssh", "--stdio", task.id]
    return shlex.join(argv).replace("%", "%%")


def build_options(program: str, hub: str, task: TaskView) -> Mapping[str, str]:
    """OpenSSH's options for a task.

    The connection is authenticated by the hub on its whole way, so the first host key of an attempt
    can be trusted. A new attempt may have another one.
    """
    options = {
        "HostName": host_alias(task),
        "ProxyCommand": build_proxy_command(program, hub, task),
        "HostKeyAlias": f"{host_alias(task)}-{task.attempt}",
        "UserKnownHostsFile": _quote(str(config_path().with_name("known_hosts"))),
        "StrictHostKeyChecking": "accept-new",
        "CheckHostIP": "no",
        "ServerAliveInterval": str(ALIVE_INTERVAL),
    }
    user = task.interface.user
    return {**options, "User": user} if user else options


def build_ssh_command(
    ssh: str, options: Mapping[str, str], task: TaskView, arguments: Sequence[str]
) -> list[str]:
    """OpenSSH with the user's own arguments behind the host."""
    pairs = (part for name, value in options.items() for part in ("-o", f"{name}={value}"))
    return [ssh, *pairs, host_alias(task), *arguments]


def build_config_block(options: Mapping[str, str], task: TaskView) -> str:
    """A block for `~/.ssh/config`, for programs that start `ssh` by themselves."""
    names = [_config_name(task.name), host_alias(task)]
    lines = [f"    {name} {value}" for name, value in options.items()]
    return "\n".join(["Host " + " ".join(dict.fromkeys(filter(None, names))), *lines]) + "\n"


def _config_name(name: str) -> str:
    """A name for a host that is easy to type; empty where nothing of the task's name can be one."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    return "rosetta-" + "-".join(words) if words else ""


def _quote(path: str) -> str:
    """A path for OpenSSH's configuration, which knows double quotes and `%`."""
    return '"' + path.replace("%", "%%") + '"'
