"""What docs/users.md says of the command line, on the cluster, by `rosetta` alone."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.deployment import User
from tests.e2e.terminal import TIMEOUT, Done, Terminal

pytestmark = [pytest.mark.usefixtures("leaves_nothing"), pytest.mark.timeout(400)]


@pytest.fixture
async def terminal(alice: User, tmp_path: Path) -> AsyncIterator[Terminal]:
    """Alice's own machine."""
    result = Terminal(alice, tmp_path, [])
    yield result
    await result.close()


async def rosetta(terminal: Terminal, *arguments: str) -> Done:
    """A command that succeeds."""
    result = await terminal.run("rosetta", *arguments)
    assert result.code == 0, (arguments, result.out, result.err)
    return result


async def tasks(terminal: Terminal) -> dict[str, Any]:
    """What `rosetta ls` shows, by the names of the tasks."""
    listed = json.loads((await rosetta(terminal, "ls", "--json")).out)
    return {task["name"]: task for task in listed}


async def test_from_start_to_end(terminal: Terminal) -> None:
    assert b"alice" in (await rosetta(terminal, "whoami")).out
    assert b"SSH" in (await rosetta(terminal, "software", "ls")).out
    assert b"small" in (await rosetta(terminal, "computing", "show", "cluster")).out
    start = ("start", "--on", "cluster", "--size", "small", "--wait")
    started = await rosetta(terminal, *start, "--name", "shell", "ssh")
    assert b"running" in started.out
    await log_in(terminal)
    await copy(terminal)
    await share(terminal)
    await rosetta(terminal, *start, "--name", "page", "board")
    await forward(terminal)
    assert {name: task["state"] for name, task in (await tasks(terminal)).items()} == {
        "shell": "running",
        "page": "running",
    }
    assert b"Server listening" in (await rosetta(terminal, "logs", "shell")).out
    await rosetta(terminal, "stop", "shell")
    await rosetta(terminal, "rm", "page")


async def log_in(terminal: Terminal) -> None:
    """A command, with its output and exit code, and a terminal."""
    result = await terminal.run(
        "rosetta", "ssh", "shell", "hostname; cat; exit 7", stdin=b"\x00\xff"
    )
    assert (result.code, result.out[-2:]) == (7, b"\x00\xff"), result.err
    assert result.out.startswith(b"node"), result.out
    on_terminal = await rosetta(terminal, "ssh", "shell", "-tt", "tty")
    assert on_terminal.out.startswith(b"/dev/pts/")


async def copy(terminal: Terminal) -> None:
    """Files there and back, by a block of OpenSSH's configuration."""
    block = terminal.home / "ssh_config"
    block.write_bytes((await rosetta(terminal, "ssh", "--config", "shell")).out)
    data = hashlib.sha256(b"seed").digest() * 500_000
    (terminal.home / "data").write_bytes(data)
    scp = ("scp", "-F", str(block))
    there = await terminal.run(*scp, str(terminal.home / "data"), "rosetta-shell:/tmp/data")
    assert there.code == 0, there.err
    summed = await rosetta(terminal, "ssh", "shell", "sha256sum", "/tmp/data")
    assert summed.out.split()[0].decode() == hashlib.sha256(data).hexdigest()
    back = await terminal.run(*scp, "rosetta-shell:/tmp/data", str(terminal.home / "back"))
    assert back.code == 0, back.err
    assert (terminal.home / "back").read_bytes() == data


async def share(terminal: Terminal) -> None:
    """A guest logs in while the task is shared, and no more afterwards."""
    guest = Terminal(
        await terminal.user.deployment.user("bob"), terminal.home / "bob", terminal.processes
    )
    guest.home.mkdir()
    shell = (await tasks(terminal))["shell"]["id"]
    assert (await guest.run("rosetta", "ssh", shell, "true")).code == 3
    await rosetta(terminal, "share", "shell", "--with", "bob")
    assert (await rosetta(guest, "ssh", shell, "id", "-un")).out == b"metauser\n"
    process = await guest.begin("rosetta", "ssh", shell, "echo in; cat")
    assert process.stdout is not None
    async with asyncio.timeout(TIMEOUT):
        assert await process.stdout.readline() == b"in\n"
        await rosetta(terminal, "share", "shell", "--end", "all")
        _, err = await process.communicate()
    assert process.returncode == 255
    assert b"rosetta: You may not use this task any more." in err
    assert (await guest.run("rosetta", "ssh", shell, "true")).code == 3


async def forward(terminal: Terminal) -> None:
    """The main interface and a further one, which comes up when it is asked for."""
    process = await terminal.begin("rosetta", "forward", "page", "8888:0", "8787:0")
    assert process.stdout is not None
    async with asyncio.timeout(TIMEOUT):
        lines = [(await process.stdout.readline()).decode() for _ in range(2)]
    urls = [re.split(" leads to port ", line)[0] for line in lines]
    curl = ("curl", "--silent", "--fail", "--noproxy", "*", "--retry-all-errors", "--retry", "9")
    assert (await terminal.run(*curl, urls[0])).out == b"hello\n"
    assert (await terminal.run(*curl, f"{urls[0]}/cgi-bin/go")).out == b"going"
    assert (await terminal.run(*curl, urls[1])).out == b"the board\n"
