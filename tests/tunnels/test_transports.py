"""The transports of tunnels, in the process of the test."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from rosetta_hub.ssh import Endpoint
from rosetta_hub.ssh.key_pairs import KeyPair
from rosetta_hub.ssh.pool import Pool
from rosetta_hub.targets import TcpTarget
from rosetta_hub.tunnels import SshRoute
from rosetta_hub.tunnels.transport import TransportError
from rosetta_hub.tunnels.transport_ssh import SshTransport
from tests.ssh.conftest import make_endpoint
from tests.support.eventually import until
from tests.support.sshd import Sshd
from tests.tunnels.conftest import DEADLINE, SECRET


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
