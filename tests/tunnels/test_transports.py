"""The transports of tunnels, in the process of the test."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rosetta_hub.ssh import Endpoint
from rosetta_hub.ssh.keys import KeyPair
from rosetta_hub.ssh.pool import Pool
from rosetta_hub.targets import TcpTarget
from rosetta_hub.tunnels import SshRoute, Tunnel
from rosetta_hub.tunnels.registry import TunnelRegistry
from rosetta_hub.tunnels.transport import TransportError
from rosetta_hub.tunnels.transport_ssh import SshTransport
from tests.ssh.conftest import make_endpoint
from tests.support.eventually import until
from tests.support.sshd import Sshd
from tests.tunnels.conftest import DEADLINE, SECRET

# Bytes. What systems keep in the sockets on the way is part of what was sent and not yet read.
READ, MOST_KEPT = 16 << 20, 40 << 20


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool()
    yield pool
    await pool.close()


@pytest.fixture
def endpoint(sshd: Sshd, key_pair: KeyPair) -> Endpoint:
    return make_endpoint(sshd, key_pair)


async def test_silent_stranger_on_the_port_is_given_up(
    pool: Pool, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who took the port of an ended task and says nothing keeps neither channel nor browser."""
    callers: set[asyncio.StreamWriter] = set()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        callers.add(writer)
        while await reader.read(1024):
            pass
        callers.discard(writer)
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = SshTransport(pool, SshRoute(endpoint, TcpTarget("127.0.0.1", port), SECRET))
    try:
        await pool.identity(endpoint).connection(DEADLINE)
        monkeypatch.setattr("rosetta_hub.tunnels.transport_ssh.CONNECT_TIMEOUT", 1.0)
        async with asyncio.timeout(DEADLINE):
            with pytest.raises(TransportError, match="nothing answers there"):
                await transport.connect()
        assert transport.state().state == "error"
        await until(lambda: not callers)
    finally:
        transport.close()
        server.close()


async def test_a_slow_reader_slows_the_container_down(
    pool: Pool, endpoint: Endpoint, tmp_path: Path
) -> None:
    """What a browser does not read stays in the container, and not in this process."""
    count, read = 0, 0
    pouring: set[asyncio.StreamWriter] = set()

    async def pour(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        pouring.add(writer)
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
                count += 65536
        writer.close()
        pouring.discard(writer)

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    target = TcpTarget("127.0.0.1", server.sockets[0].getsockname()[1])
    registry = TunnelRegistry(pool, tmp_path)
    await registry.put(Tunnel("0123456789ab", 1, SshRoute(endpoint, target)))
    reader, writer = await asyncio.open_unix_connection(tmp_path / "0123456789ab.sock", limit=65536)
    try:
        async with asyncio.timeout(DEADLINE * 3):
            while read < READ:
                read += len(await reader.readexactly(65536))
                before = -1
                while before != count:
                    # Nothing moves any more: the container waits.
                    before = count
                    await asyncio.sleep(0.002)
        assert count - read < MOST_KEPT
    finally:
        writer.transport.abort()
        await until(lambda: not pouring)
        server.close()
        await registry.delete("0123456789ab")
