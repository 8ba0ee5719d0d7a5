"""One listener a task: opened, moved, closed with all that goes over it."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rosetta_hub.edge import EdgeConfig, EdgeError, PortInUse, TaskListener, ensure_edge, stop_edge
from tests.support.ports import free_port

if TYPE_CHECKING:
    from tests.edge.conftest import Backend, OpenTask, Rig

SECRET = "0123456789abcdef"


@pytest.fixture
def foreign_port() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


async def is_open(task: "OpenTask") -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", task.socket_port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


async def test_port_of_another_program(rig: "Rig", backend: "Backend", foreign_port: int) -> None:
    with pytest.raises(PortInUse):
        await rig.open(backend.target, port=foreign_port)
    good = await rig.open(backend.target)
    bad = TaskListener(
        "0123456789ab", "x", "http://hub/r", "http://hub/o", SECRET, port=foreign_port
    )
    assert await rig.client.put_tasks([good.listener, bad]) == {"0123456789ab": "EADDRINUSE"}
    assert (await good.fetch("/", good.own)).status == 200
    assert (await rig.client.status()).tasks == 1


async def test_two_tasks_can_not_share_a_port(rig: "Rig", backend: "Backend") -> None:
    first = await rig.open(backend.target)
    with pytest.raises(PortInUse):
        await rig.open(backend.target, port=first.socket_port)


async def test_closing_a_port_cuts_its_connections(rig: "Rig", backend: "Backend") -> None:
    from tests.edge.conftest import until

    task, second = await rig.open(backend.target), await rig.open(backend.target)
    reader, writer = await task.websocket()
    other_reader, other_writer = await second.websocket()
    idle, idle_writer = await task.connect()
    assert await rig.client.delete_task(task.id)
    assert await asyncio.wait_for(reader.read(), 10) == b""
    assert await asyncio.wait_for(idle.read(), 10) == b""
    assert not await is_open(task)
    other_writer.write(b"alive")
    assert await other_reader.readexactly(5) == b"alive"
    await until(lambda: len(backend.connections) == 1)
    assert not await rig.client.delete_task(task.id)
    for first in [writer, other_writer, idle_writer]:
        first.close()


async def test_ports_are_reused(rig: "Rig", backend: "Backend") -> None:
    old = await rig.open(backend.target)
    await rig.client.delete_task(old.id)
    new = await rig.open(backend.target, port=old.socket_port)
    assert (await new.fetch("/", new.own)).status == 200
    assert (await new.fetch("/", old.own)).status == 403


async def test_full_state_opens_updates_and_closes(rig: "Rig", backend: "Backend") -> None:
    stays, goes = await rig.open(backend.target), await rig.open(backend.target)
    reader, writer = await stays.websocket()
    swapped = TaskListener(
        "0123456789ab", "x", "http://hub/r", "http://hub/o", SECRET, port=goes.socket_port
    )
    assert await rig.client.put_tasks([stays.listener, swapped]) == {}
    assert (await rig.client.status()).tasks == 2
    assert (await goes.fetch("/", goes.own)).status == 403
    writer.write(b"alive")
    assert await reader.readexactly(5) == b"alive"
    writer.close()
    await rig.client.put_tasks([])
    assert not await is_open(stays)


async def test_tasks_can_swap_ports(rig: "Rig", backend: "Backend") -> None:
    first, second = await rig.open(backend.target), await rig.open(None)
    swapped = [
        replace(first.listener, port=second.socket_port),
        replace(second.listener, port=first.socket_port),
    ]
    assert await rig.client.put_tasks(swapped) == {}
    first.socket_port, second.socket_port = second.socket_port, first.socket_port
    first.authority, second.authority = second.authority, first.authority
    assert (await first.fetch("/", first.own)).status == 200
    assert (await second.fetch("/", second.own)).status == 503


async def test_tasks_can_swap_ports_between_pieces(
    rig: "Rig", backend: "Backend", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each task travels in a piece of its own, and the first piece closes what is in none."""
    monkeypatch.setattr("rosetta_hub.edge.client.LARGEST_PIECE", 1)
    first, second, value = [await rig.open(backend.target) for _ in range(3)]
    answer = await rig.open(backend.target)
    swapped = [
        replace(first.listener, port=second.socket_port),
        replace(second.listener, port=first.socket_port),
    ]
    assert await rig.client.put_tasks(swapped, kept_ids=[value.id]) == {}
    first.socket_port, second.socket_port = second.socket_port, first.socket_port
    first.authority, second.authority = second.authority, first.authority
    for task in (first, second, value):
        assert (await task.fetch("/", task.own)).status == 200
    assert not await is_open(answer)


async def test_bad_description_stops_no_other_task(rig: "Rig", backend: "Backend") -> None:
    answer, other = await rig.open(backend.target), await rig.open(None)
    bad = replace(answer.listener, port=1, room_url="javascript:alert(1)")
    errors = await rig.client.put_tasks([bad, replace(other.listener, target=backend.target)])
    assert list(errors) == [answer.id]
    assert "room_url" in errors[answer.id]
    for task in (answer, other):
        assert (await task.fetch("/", task.own)).status == 200
    with pytest.raises(EdgeError, match="twice"):
        await rig.client.put_tasks([answer.listener, answer.listener])
    assert (await answer.fetch("/", answer.own)).status == 200


async def test_a_thousand_ports(secure_rig: "Rig", backend: "Backend") -> None:
    listeners = [
        TaskListener(
            f"{number:012x}",
            "x",
            "http://hub/r",
            "http://hub/o",
            SECRET,
            port,
            target=backend.target,
        )
        for number, port in enumerate(free_port() for _ in range(1000))
    ]
    assert await secure_rig.client.put_tasks(listeners) == {}
    assert (await secure_rig.client.status()).tasks == 1000
    task = await secure_rig.open(backend.target)
    assert (await task.fetch("/", task.own)).status == 200
    await secure_rig.client.put_tasks([])


async def test_proxy_itself_serves_no_task(rig: "Rig", backend: "Backend") -> None:
    task = await rig.open(backend.target)
    path = f"{rig.config.socket}.main"
    reader, writer = await asyncio.open_unix_connection(path)
    head = f"GET / HTTP/1.1\r\nHost: {task.authority}\r\nCookie: {task.cookie}\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n".encode())
    assert b" 421 " in await reader.read()
    writer.close()
    assert backend.requests == []


async def test_client_that_never_ends_its_headers_is_let_go(
    backend: "Backend", tmp_path: Path
) -> None:
    """Node forgets its timeouts for sockets that are handed to a server that listens nowhere."""
    from tests.edge.conftest import Rig

    config = EdgeConfig(tmp_path, "127.0.0.1")
    await ensure_edge(config)
    try:
        task = await Rig(config, ssl.create_default_context()).open(backend.target)
        reader, writer = await task.connect()
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert b" 408 " in await asyncio.wait_for(reader.read(), 60)
        writer.close()
    finally:
        await stop_edge(config)
