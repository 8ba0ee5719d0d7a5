"""Tasks that speak something else than HTTP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rosetta_hub.edge import TcpTarget, UnixTarget
from tests.support.ports import free_port

if TYPE_CHECKING:
    from tests.edge.conftest import Rig

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[[Handler], Awaitable[TcpTarget]]
LARGE = 30_000_000


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    servers = []

    async def serve(handler: Handler) -> TcpTarget:
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        servers.append(server)
        return TcpTarget("127.0.0.1", server.sockets[0].getsockname()[1])

    yield serve
    for server in servers:
        server.close()


async def answer_after_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says how much it received, once the other side has ended its direction."""
    size = 0
    while data := await reader.read(65536):
        size += len(data)
    writer.write(str(size).encode())
    await writer.drain()
    writer.close()


async def send_much(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"x" * LARGE)
    await writer.drain()
    writer.close()


async def test_one_direction_may_end_before_the_other(rig: "Rig", serve: Serve) -> None:
    task = await rig.open(await serve(answer_after_the_end), protocol="tcp")
    reader, writer = await task.connect()
    writer.write(b"x" * LARGE)
    await writer.drain()
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 30) == str(LARGE).encode()
    writer.close()


async def test_container_may_end_its_direction_first(rig: "Rig", serve: Serve) -> None:
    received: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.write_eof()
        received.set_result(len(await reader.read()))
        writer.close()

    task = await rig.open(await serve(greet), protocol="tcp")
    reader, writer = await task.connect()
    assert await asyncio.wait_for(reader.read(), 10) == b"hello"
    writer.write(b"x" * 1_000_000)
    writer.write_eof()
    assert await asyncio.wait_for(received, 10) == 1_000_000
    writer.close()


async def test_all_arrives_at_a_slow_reader(rig: "Rig", serve: Serve) -> None:
    task = await rig.open(await serve(send_much), protocol="tcp")
    reader, writer = await task.connect()
    size = 0
    while data := await reader.read(500_000):
        size += len(data)
        await asyncio.sleep(0)
    assert size == LARGE
    writer.close()


async def test_bytes_are_counted(rig: "Rig", serve: Serve) -> None:
    from tests.edge.conftest import until

    task = await rig.open(await serve(answer_after_the_end), protocol="tcp")
    reader, writer = await task.connect()
    writer.write(b"12345")
    writer.write_eof()
    assert await reader.read() == b"5"
    writer.close()

    async def is_counted() -> bool:
        activity = (await rig.client.activity())[task.id]
        counts = (activity.bytes_in, activity.bytes_out, activity.connections)
        return counts == (5, 1, 0) and activity.last_request is not None

    await until(is_counted)


async def test_without_a_container_it_closes_at_once(rig: "Rig") -> None:
    for target in [None, TcpTarget("127.0.0.1", free_port()), UnixTarget("/nonexistent")]:
        task = await rig.open(target, protocol="tcp")
        reader, writer = await task.connect()
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


async def test_closing_the_port_cuts_both_sides(rig: "Rig", serve: Serve) -> None:
    ended = asyncio.Event()

    async def wait_for_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        await reader.read()
        ended.set()
        writer.close()

    task = await rig.open(await serve(wait_for_the_end), protocol="tcp")
    reader, writer = await task.connect()
    assert await reader.readexactly(5) == b"hello"
    await rig.client.delete_task(task.id)
    assert await asyncio.wait_for(reader.read(), 10) == b""
    await asyncio.wait_for(ended.wait(), 10)
    writer.close()


async def test_unix_socket_and_tls_edge(secure_rig: "Rig", tmp_path: Path) -> None:
    """The edge's certificate is none of a plain port's business."""
    server = await asyncio.start_unix_server(send_hello, tmp_path / "i.sock")
    task = await secure_rig.open(UnixTarget(str(tmp_path / "i.sock")), protocol="tcp")
    reader, writer = await asyncio.open_connection("127.0.0.1", task.socket_port)
    assert await reader.read() == b"SSH-2.0-test\r\n"
    writer.close()
    server.close()


async def send_hello(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-test\r\n")
    await writer.drain()
    writer.close()


async def test_connections_without_a_session_are_cut_on_request(rig: "Rig", serve: Serve) -> None:
    task = await rig.open(await serve(answer_after_the_end), protocol="tcp")
    reader, writer = await task.connect()
    writer.write(b"x")
    await writer.drain()
    assert await rig.client.delete_connections(task.id)
    # Without an answer: neither side has ended its direction.
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 30) == b""
    writer.close()
    assert not await rig.client.delete_connections("0" * 12)
