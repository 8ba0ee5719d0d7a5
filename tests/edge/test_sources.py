"""How many connections one address may have."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rosetta_hub.edge import TcpTarget
from rosetta_hub.edge import process as edge_process

if TYPE_CHECKING:
    from tests.edge.conftest import Backend, Edges, OpenTask, Rig

LIMIT = 5
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(params=["http", "https", "host names"])
def limited_rig(request: pytest.FixtureRequest, edges: "Edges") -> "Rig":
    by_name = request.param == "host names"
    return edges.get(tls=request.param != "http", by_name=by_name, limit=LIMIT)


@pytest.fixture
def plain_limited_rig(edges: "Edges") -> "Rig":
    return edges.get(tls=False, limit=LIMIT)


@pytest.fixture
async def limited(limited_rig: "Rig") -> AsyncIterator["Rig"]:
    """An edge with low limits."""
    yield limited_rig
    await limited_rig.close()


async def open_task(rig: "Rig", backend: "Backend") -> "OpenTask":
    named = rig.config.main_port is not None
    return await rig.open(backend.target, **({"host": "one.tasks.example"} if named else {}))


async def connect(task: "OpenTask", source: str = "127.0.0.1") -> Connection:
    """A connection over which nothing is sent, not even a TLS handshake."""
    address = (source, 0)
    return await asyncio.open_connection("127.0.0.1", task.socket_port, local_addr=address)


async def is_closed(connection: Connection) -> bool:
    """Whether the edge closes a connection that it need not close for want of a first byte."""
    try:
        return await asyncio.wait_for(connection[0].read(1), 10) == b""
    except ConnectionError:
        return True


def is_open(connection: Connection) -> bool:
    return not connection[0].at_eof() and connection[0].exception() is None


def close(*connections: Connection) -> None:
    for _, writer in connections:
        writer.close()


async def test_oldest_anonymous_connection_goes(limited: "Rig", backend: "Backend") -> None:
    task = await open_task(limited, backend)
    other = await connect(task, "127.0.0.2")
    connections = [await connect(task) for _ in range(3 * LIMIT)]
    assert [await is_closed(connection) for connection in connections[:-LIMIT]] == [
        True
    ] * 2 * LIMIT
    assert (await task.fetch("/", task.own)).status == 200, "a user passes"
    # The request was anonymous until its session was seen.
    assert await is_closed(connections[-LIMIT])
    assert all(map(is_open, [other, *connections[-LIMIT + 1 :]]))
    close(other, *connections)


async def test_users_connections_do_not_count(limited: "Rig", backend: "Backend") -> None:
    task = await open_task(limited, backend)
    reader, writer = await task.connect()
    head = f"GET / HTTP/1.1\r\nHost: {task.authority}\r\nCookie: {task.cookie}\r\n\r\n"
    writer.write(head.encode())
    await reader.readuntil(b"\r\n\r\n")
    socket_reader, socket_writer = await task.websocket()
    strangers = [await connect(task) for _ in range(3 * LIMIT)]
    assert await is_closed(strangers[LIMIT])
    socket_writer.write(b"echo")
    assert await socket_reader.readexactly(4) == b"echo"
    writer.write(head.encode())
    assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
    close((reader, writer), (socket_reader, socket_writer), *strangers)


async def test_anonymous_request_uses_no_room_for_long(limited: "Rig", backend: "Backend") -> None:
    task = await open_task(limited, backend)
    first = await connect(task)
    for _ in range(3 * LIMIT):
        assert (await task.fetch("/")).status == 403
    assert is_open(first)
    close(first)


async def serve_greeting() -> asyncio.Server:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        await reader.read()
        writer.close()

    return await asyncio.start_server(greet, "127.0.0.1", 0)


async def greeted(task: "OpenTask", source: str = "127.0.0.1") -> tuple[bytes, Connection]:
    connection = await connect(task, source)
    try:
        return await asyncio.wait_for(connection[0].read(5), 10), connection
    except ConnectionError:
        return b"", connection


async def test_other_protocols_accept_so_many_of_one_address(plain_limited_rig: "Rig") -> None:
    from tests.edge.conftest import until

    rig = plain_limited_rig
    server = await serve_greeting()
    target = TcpTarget("127.0.0.1", server.sockets[0].getsockname()[1])
    task, second = [await rig.open(target, protocol="tcp") for _ in range(2)]
    connections = []
    for number in range(2 * LIMIT):
        text, connection = await greeted(task)
        assert text == (b"hello" if number < LIMIT else b"")
        connections.append(connection)
    for open_one in [greeted(task, "127.0.0.2"), greeted(second)]:
        text, connection = await open_one
        assert text == b"hello"
        connections.append(connection)
    close(connections[0])

    async def has_room() -> bool:
        value, connection = await greeted(task)
        connections.append(connection)
        return value == b"hello"

    await until(has_room)
    close(*connections)
    server.close()
    await rig.close()


SOURCES = [
    ("192.0.2.1", "192.0.2.1"),
    ("::ffff:192.0.2.1", "192.0.2.1"),
    ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2"),
    ("2001:db8:1:2::6", "2001:db8:1:2"),
    ("2001:db8::6", "2001:db8:0:0"),
    ("::1", "0:0:0:0"),
    ("fe80::", "fe80:0:0:0"),
    ("2001:db8::3:4:5:6", "2001:db8:0:0"),
]


def test_a_network_of_ipv6_is_one_source() -> None:
    """Each customer has one to choose addresses from."""
    module = (Path(edge_process.__file__).parent / "js" / "sources.mjs").as_uri()
    script = f"""import {{ findSource }} from {json.dumps(module)};
    console.log(JSON.stringify({json.dumps([item for item, _ in SOURCES])}.map(findSource)));"""
    command = [str(edge_process.find_node()), "--input-type=module", "--eval", script]
    process = subprocess.run(command, check=True, capture_output=True, text=True, timeout=20)
    assert json.loads(process.stdout) == [source for _, source in SOURCES]
