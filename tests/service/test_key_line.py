"""The line that users paste, at a real sshd: it permits what the hub needs, and no more."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncssh
import pytest

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.config import Rosetta
from rosetta_hub.users.identities import Identities
from tests.support.databases import open_sqlite
from tests.support.sshd import Sshd

CLUSTER = {
    "id": "cluster",
    "name": "The cluster",
    "access_mode": "ssh",
    "container_engines": ["docker"],
    "conf": {"host": "127.0.0.1"},
}


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """An sshd with OpenSSH's defaults; what the account's shell reads at its start is not there."""
    started = Sshd(tmp_path / "sshd", SetEnv=f"HOME={tmp_path}").start()
    yield started
    started.kill()


@pytest.fixture
async def connection(sshd: Sshd, tmp_path: Path) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """Logged in with alice's key, after she has pasted the line."""
    settings = Rosetta(computing=[CLUSTER], state_dir=str(tmp_path))
    keys, database = settings.keys(), open_sqlite(settings.state_path)
    identities = Identities(database, keys, settings)
    view = identities.set_remote_user(User("alice"), "cluster", sshd.username)
    assert view.paste is not None
    sshd.authorize(view.paste)
    used = identities.credentials("alice", "cluster")
    async with asyncssh.connect(
        "127.0.0.1",
        sshd.port,
        config=None,
        username=used.remote_user,
        client_keys=[asyncssh.import_private_key(used.private_key)],
        known_hosts=asyncssh.import_known_hosts(sshd.known_hosts),
        agent_forwarding=str(tmp_path / "agent"),
    ) as opened:
        yield opened
    database.close()


async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say one word."""
    writer.write(b"hello")
    await writer.drain()
    writer.close()


async def test_commands_and_terminals(connection: asyncssh.SSHClientConnection) -> None:
    assert (await connection.run("echo here")).stdout == "here\n"
    terminal = await connection.run("tty", term_type="xterm")
    assert "/dev/pts/" in str(terminal.stdout)


async def test_ports_and_unix_sockets(
    connection: asyncssh.SSHClientConnection, tmp_path: Path
) -> None:
    path = str(tmp_path / "socket")
    async with (
        await asyncio.start_server(greet, "127.0.0.1", 0) as tcp,
        await asyncio.start_unix_server(greet, path),
    ):
        port = tcp.sockets[0].getsockname()[1]
        reader, _ = await connection.open_connection("127.0.0.1", port)
        assert await reader.read() == b"hello"
        reader, _ = await connection.open_unix_connection(path)
        assert await reader.read() == b"hello"


async def test_no_agent_is_forwarded(connection: asyncssh.SSHClientConnection) -> None:
    """Although it is asked for."""
    assert (await connection.run("echo at $SSH_AUTH_SOCK")).stdout == "at\n"
