"""The relay, between a unix socket and a port, without a container."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from rosetta_agent import namespaces, processes, relay
from rosetta_agent.sandbox import Sandbox
from rosetta_agent.spec import Attempt
from rosetta_agent.splice import Backend

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class World:
    """A relay in this process, towards a server that the test defines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.port = 0
        self._stack = contextlib.AsyncExitStack()

    async def start(self, talk: Talk, host: str = "127.0.0.1") -> None:
        async def talk_and_close(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await talk(reader, writer)
            writer.close()

        backend = await asyncio.start_server(talk_and_close, host, 0)
        await self._stack.enter_async_context(backend)
        self.port = backend.sockets[0].getsockname()[1]
        await self.relay_to(self.port)

    async def relay_to(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        backend = Backend(loop, port, lambda: ["127.0.0.1", "::1"])
        server = await loop.create_unix_server(backend.accept, str(self.path))
        self._stack.callback(server.close)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_unix_connection(str(self.path))
        self._stack.callback(writer.close)
        return reader, writer

    async def close(self) -> None:
        await self._stack.aclose()
        for _ in range(50):  # let every side notice the end of the others
            await asyncio.sleep(0)


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    result = World(tmp_path / "s")
    yield result
    await result.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_both_ways_and_a_lot(world: World, host: str) -> None:
    await world.start(echo, host)
    reader, writer = await world.connect()
    result = os.urandom(20 << 20)

    async def send() -> None:
        writer.write(result)
        await writer.drain()
        writer.write_eof()

    sending = asyncio.create_task(send())
    assert await reader.read(-1) == result
    await sending


async def test_half_closed_connection_still_gets_its_answer(world: World) -> None:
    async def answer_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.read(-1)
        writer.write(b"all of " + request)
        writer.close()

    await world.start(answer_at_the_end)
    reader, writer = await world.connect()
    writer.write(b"it")
    writer.write_eof()
    assert await reader.read(-1) == b"all of it"


async def test_server_that_speaks_first(world: World) -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-x\r\n")
        await writer.drain()

    await world.start(greet)
    reader, _writer = await world.connect()
    assert await reader.readline() == b"SSH-2.0-x\r\n"


async def test_closed_when_nobody_listens(world: World) -> None:
    await world.relay_to(1)
    reader, _writer = await world.connect()
    assert await reader.read(-1) == b""


async def test_a_full_receiver_holds_the_sender_back(world: World) -> None:
    count = 0

    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
                count += 65536

    await world.start(flood)
    reader, writer = await world.connect()
    await reader.readexactly(1)
    last = -1
    while last != count:  # until nothing moves any more
        last = count
        await asyncio.sleep(0.3)
    assert count < 30 << 20
    writer.transport.abort()


@contextlib.contextmanager
def process_in_network(*setup: str) -> Iterator[int]:
    """A process in a network namespace of its own, in which commands of ip(8) were run."""
    script = "; ".join([*setup, "echo ready", "exec sleep 60"])
    argv = ["unshare", "--net", "sh", "-c", script]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield process.pid
        finally:
            process.kill()


@pytest.mark.system
def test_addresses_in_another_namespace() -> None:
    with process_in_network("ip addr add 10.99.0.2/32 dev lo") as pid:
        assert namespaces.has_address(pid, "10.99.0.2")
        assert not namespaces.has_address(pid, "10.99.0.3")
    assert not namespaces.has_address(os.getpid(), "10.99.0.2")


@pytest.mark.system
@pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")  # it outlives who starts it
async def test_runtime_with_a_network_stack_of_its_own(world: World, tmp_path: Path) -> None:
    """The kernel's namespace has lost its address to the runtime: it answers from outside."""
    await world.start(echo)
    port = world.port
    work_dir = Path(tempfile.mkdtemp(prefix="ra-", dir="/tmp"))
    sandbox = Sandbox(Attempt("abc", 1, str(work_dir), "docker"))
    sandbox.create()
    with process_in_network() as pid:
        container = processes.identify(pid)
        assert container is not None
        target = relay.RelayTarget(port, container, True, "127.0.0.1")
        running = await asyncio.to_thread(relay.start_relay, sandbox, target, None, 0)
        reader, writer = await asyncio.open_unix_connection(sandbox.socket)
        writer.write(b"hello")
        writer.write_eof()
        assert await reader.read() == b"hello"
        writer.close()
    processes.terminate(running.process, 5)
    shutil.rmtree(work_dir)
