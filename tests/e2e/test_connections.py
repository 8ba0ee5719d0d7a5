"""`rosetta ssh` and `rosetta forward`: real OpenSSH and curl, a real hub, real containers."""

import asyncio
import contextlib
import hashlib
import json
import os
import re
import secrets
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.ports import free_port

from .conftest import KEY
from .deployment import Deployment, User
from .terminal import TIMEOUT, Terminal

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def terminal(
    deployment: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Terminal]:
    """The machine of a user, who has all tasks of this module."""
    result = Terminal(await deployment.user("carol"), tmp_path_factory.mktemp("home"), [])
    yield result
    await result.close()
    await result.user.clean()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(terminal: Terminal) -> dict[str, Any]:
    """A task that is an SSH server."""
    return await running(terminal.user, "ssh")


async def running(user: User, software: str) -> dict[str, Any]:
    """A running task, the only one of that name: a test that is tried again has one already."""
    name = f"my-{software}"
    listed = json.loads((await user.api("GET", "tasks")).body)["tasks"]
    for task in (item for item in listed if item["name"] == name):
        await user.delete(task["id"])
    started = await user.start(software=software, name=name)
    return await user.until(started["id"], "running")


async def config(terminal: Terminal) -> Path:
    """The block for ~/.ssh/config in a file."""
    result = await terminal.run("rosetta", "ssh", "--config", "my-ssh")
    assert result.code == 0, result.err
    path = terminal.home / "ssh_config"
    path.write_bytes(result.out)
    return path


async def test_login(terminal: Terminal, server: dict[str, Any]) -> None:
    result = await terminal.run(
        "rosetta", "ssh", "my-ssh", "cat; whoami; exit 7", stdin=b"\x00\xff"
    )
    assert (result.code, result.out) == (7, b"\x00\xffmetauser\n"), result.err
    again = await terminal.run("rosetta", "ssh", server["id"], "--", "-tt", "tty")
    assert (again.code, again.out.strip()) == (0, b"/dev/pts/0"), again.err
    hosts = (terminal.home / "config" / "known_hosts").read_text()
    assert hosts.count("ssh-ed25519") == 1, hosts


async def test_files_are_copied(terminal: Terminal, server: dict[str, Any]) -> None:
    block = ("-F", str(await config(terminal)))
    data = hashlib.sha256(b"seed").digest() * (1 << 20)
    (terminal.home / "data").write_bytes(data)
    copied = await terminal.run("scp", *block, f"{terminal.home}/data", "rosetta-my-ssh:/tmp/data")
    assert copied.code == 0, copied.err
    host = f"rosetta-{server['id']}"
    summed = await terminal.run("ssh", *block, host, "sha256sum", "/tmp/data")
    assert summed.out.split()[0].decode() == hashlib.sha256(data).hexdigest(), summed.err
    batch = f"get /tmp/data {terminal.home}/back\n".encode()
    fetched = await terminal.run(
        *("sftp", *block, "-o", "BatchMode=no", "-b", "-", host), stdin=batch
    )
    assert fetched.code == 0, fetched.err
    assert (terminal.home / "back").read_bytes() == data


async def test_folders_are_synchronized(terminal: Terminal, server: dict[str, Any]) -> None:
    """With rsync, which starts `ssh` by itself, there and back; what has arrived stays."""
    shell, name = f"ssh -F {await config(terminal)}", f"sent-{secrets.token_hex(4)}"
    home, back, there = terminal.home / name, terminal.home / f"{name}-back", f"/tmp/{name}/"
    (home / "inner folder").mkdir(parents=True)
    (home / "inner folder" / "a").write_bytes(b"a" * 100_000)
    (home / "b").write_text("b")
    options = ("-a", "--itemize-changes", "-e", shell)
    result = await terminal.run("rsync", *options, f"{home}/", f"rosetta-my-ssh:{there}")
    assert result.code == 0, result.err
    result = await terminal.run("rsync", *options, f"rosetta-my-ssh:{there}", f"{back}/")
    assert result.code == 0, result.err
    assert (back / "inner folder" / "a").read_bytes() == b"a" * 100_000
    (home / "b").write_text("changed")
    again = await terminal.run("rsync", *options, f"{home}/", f"rosetta-my-ssh:{there}")
    moved = [line.split()[-1] for line in again.out.decode().splitlines() if line[0] == "<"]
    assert (again.code, moved) == (0, ["b"]), again.err


async def test_ports_of_the_container(terminal: Terminal, server: dict[str, Any]) -> None:
    """What editors with a remote server need: a static forward, and a dynamic one (SOCKS)."""
    static, dynamic = free_port(), free_port()
    ports = ("-L", f"{static}:127.0.0.1:2222", "-D", str(dynamic))
    await terminal.begin("rosetta", "ssh", "my-ssh", "-N", *ports)
    async with asyncio.timeout(TIMEOUT):
        reader, writer = await connected(static)
        assert (await reader.readline()).startswith(b"SSH-2.0-")
        writer.close()
        reader, writer = await connected(dynamic)
        # RFC 1928: no authentication, then CONNECT to 127.0.0.1:2222.
        writer.write(b"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01" + (2222).to_bytes(2, "big"))
        assert (await reader.readexactly(12))[:4] == b"\x05\x00\x05\x00"
        assert (await reader.readline()).startswith(b"SSH-2.0-")
        writer.close()


async def connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to a port of this machine, once something listens there."""
    while True:
        with contextlib.suppress(ConnectionError):
            return await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(0.05)


async def test_a_window_is_shown_here(terminal: Terminal, server: dict[str, Any]) -> None:
    read, write = os.pipe()
    screen = await asyncio.create_subprocess_exec(
        *("Xvfb", "-displayfd", str(write), "-nolisten", "tcp"), pass_fds=[write], stderr=DEVNULL
    )
    os.close(write)
    with os.fdopen(read) as file:
        display = ":" + (await asyncio.to_thread(file.readline)).strip()
    picture = "for i in $(seq 300); do xwd -silent -name xclock >/tmp/xwd && break; sleep 0.1; done"
    command = f"xclock -geometry 200x100 & {picture}; kill $!; wc -c </tmp/xwd"
    login = ("env", f"DISPLAY={display}", "rosetta", "ssh", "my-ssh", "-X")
    result = await terminal.run(*login, command)
    screen.terminate()
    await screen.wait()
    # A picture of the window, taken over the same connection: no fewer bytes than pixels.
    assert int(result.out or b"0") > 200 * 100, result.err


async def test_a_key_of_the_users_agent(terminal: Terminal) -> None:
    """With an image that takes keys; ssh asks nobody for a password."""
    await running(terminal.user, "key-server")
    key = terminal.home / "key"
    key.write_bytes(KEY.export_private_key())
    key.chmod(0o600)
    command = f"ssh-add -q {key} && rm {key} && exec rosetta ssh my-key-server whoami"
    result = await terminal.run("ssh-agent", "sh", "-c", command)
    assert (result.code, result.out) == (0, b"metauser\n"), result.err


async def test_the_password_is_nowhere(terminal: Terminal, server: dict[str, Any]) -> None:
    answer = await terminal.user.api("GET", f"tasks/{server['id']}/password")
    password = json.loads(answer.body)["password"]
    process = await terminal.begin("rosetta", "ssh", "my-ssh", "echo in; cat")
    assert process.stdout is not None
    async with asyncio.timeout(TIMEOUT):
        assert await process.stdout.readline() == b"in\n"
    result = processes_of(process.pid)
    # ssh, and what it runs for the connection.
    assert len(result) >= 2
    assert [both for both in result if password.encode() in b"".join(both)] == []
    assert [argv for argv, _ in result if terminal.user.token.encode() in argv] == []
    assert password not in terminal.user.deployment.log
    values = [path.read_text() for path in terminal.home.rglob("known_hosts")]
    assert password not in "".join(values)


def processes_of(session: int) -> list[tuple[bytes, bytes]]:
    """Command line and environment of each process of a session; some may end meanwhile."""
    values = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            if folder.name.isdecimal() and os.getsid(int(folder.name)) == session:
                texts = [(folder / name).read_bytes() for name in ("cmdline", "environ")]
                values.append((texts[0], texts[1]))
    return values


@dataclass
class Forwarded:
    """`rosetta forward`, while it runs."""

    process: Process
    port: int


async def forward(terminal: Terminal, task: str, scheme: str) -> Forwarded:
    process = await terminal.begin("rosetta", "forward", task, "8888:0")
    assert process.stdout is not None
    async with asyncio.timeout(TIMEOUT):
        line = (await process.stdout.readline()).decode()
    match = re.fullmatch(rf"{scheme}localhost:(\d+) leads to port 8888 of {task}\.\n", line)
    assert match is not None, line
    return Forwarded(process, int(match[1]))


async def test_a_web_page_without_cookies(terminal: Terminal) -> None:
    """Jupyter asks for a token, which the edge adds."""
    await running(terminal.user, "jupyter")
    forwarded = await forward(terminal, "my-jupyter", "http://")
    url = f"http://localhost:{forwarded.port}/api/status"
    result = await terminal.run("curl", "--silent", "--fail", "--noproxy", "*", url)
    assert b'"kernels"' in result.out, result
    # Pages of other sites, and their names for this machine, are kept out.
    code = ("--silent", "--noproxy", "*", "--output", "/dev/null", "--write-out", "%{http_code}")
    for header, expected in (
        ("Host: evil.example", b"421"),
        ("Origin: http://evil.example", b"403"),
        (f"Origin: http://localhost:{forwarded.port}", b"200"),
    ):
        assert (await terminal.run("curl", *code, "-H", header, url)).out == expected, header
    # Nor do other accounts of this machine get in.
    other = await terminal.run("setpriv", "--reuid=65534", "--clear-groups", "curl", *code, url)
    assert (other.code, other.out) != (0, b"200")


async def test_a_port_of_any_protocol(terminal: Terminal) -> None:
    task = await running(terminal.user, "tcp")
    forwarded = await forward(terminal, "my-tcp", "")
    data = hashlib.sha256(b"more").digest() * 100_000
    reader, writer = await asyncio.open_connection("127.0.0.1", forwarded.port)
    writer.write(data)
    writer.write_eof()
    async with asyncio.timeout(TIMEOUT):
        assert await reader.read() == data + b"%d bytes" % len(data)
    writer.close()
    # When the task is over, so is the command: it hears of the end first, or of the deletion.
    await terminal.user.api("DELETE", f"tasks/{task['id']}")
    async with asyncio.timeout(TIMEOUT):
        assert await forwarded.process.wait() in (1, 3)


async def test_what_is_not_there(terminal: Terminal, server: dict[str, Any]) -> None:
    missing = await terminal.run("rosetta", "ssh", "nothing")
    assert (missing.code, missing.out) == (3, b"")
    assert "no task 'nothing'" in missing.err
    no_port = await terminal.run("rosetta", "forward", "my-ssh", "80:0")
    assert no_port.code == 3
    assert "It has: 2222." in no_port.err
    stdio = await terminal.run("rosetta", "ssh", "--stdio", "0" * 12)
    assert (stdio.code, stdio.out) == (3, b"")
    unknown = ("env", "ROSETTA_TOKEN=wrong", "rosetta", "ssh", "--stdio", server["id"])
    assert (await terminal.run(*unknown)).code == 4
    away = ("env", f"ROSETTA_HUB=http://127.0.0.1:{free_port()}", "rosetta", "ssh", "--stdio")
    result = await terminal.run(*away, server["id"])
    assert (result.code, result.out) == (7, b"")
    assert "can't be reached" in result.err


async def logged_in(terminal: Terminal) -> Process:
    """A login that waits."""
    process = await terminal.begin("rosetta", "ssh", "my-ssh", "echo in; cat")
    assert process.stdout is not None
    async with asyncio.timeout(TIMEOUT):
        assert await process.stdout.readline() == b"in\n"
    return process


async def test_a_lost_connection_is_said(terminal: Terminal, server: dict[str, Any]) -> None:
    process = await logged_in(terminal)
    terminal.user.deployment.kill_service()
    async with asyncio.timeout(TIMEOUT):
        _, err = await process.communicate()
    assert process.returncode == 255
    assert b"rosetta: The connection to the hub was lost: connect again." in err
    # The task goes on, and the next connection works.
    await terminal.user.deployment.answers()
    assert (await terminal.run("rosetta", "ssh", "my-ssh", "true")).code == 0


async def test_the_end_of_the_task(terminal: Terminal) -> None:
    server = await running(terminal.user, "ssh")
    process = await logged_in(terminal)
    await terminal.user.api("POST", f"tasks/{server['id']}/stop")
    async with asyncio.timeout(TIMEOUT):
        _, err = await process.communicate()
    assert process.returncode == 255, err
    await terminal.user.until(server["id"], "stopped")
    again = await terminal.run("rosetta", "ssh", "--stdio", server["id"])
    assert again.code == 1
    assert "not ready for connections" in again.err
