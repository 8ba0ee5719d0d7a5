"""Tasks that are not ready, or not there any more."""

import asyncio
import contextlib
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rosetta_hub.edge import TcpTarget, UnixTarget
from tests.support.ports import free_port

if TYPE_CHECKING:
    from tests.edge.conftest import Answer, Backend, OpenTask, Rig


def check_page(answer: "Answer", task: "OpenTask") -> None:
    assert answer.status == 503
    assert answer.get("retry-after") == "3"
    assert answer.get("content-type") == "text/html; charset=utf-8"
    assert answer.get("cache-control") == "no-store"
    assert task.listener.room_url in answer.text
    assert "Some &lt;software&gt;" in answer.text
    assert "<script" not in answer.text


@pytest.fixture(params=["not ready", "refused", "no socket", "closes", "no HTTP"])
async def task(request: pytest.FixtureRequest, rig: "Rig", backend: "Backend") -> "OpenTask":
    if request.param == "not ready":
        return await rig.open(None)
    if request.param == "refused":
        return await rig.open(TcpTarget("127.0.0.1", free_port()))
    if request.param == "no socket":
        return await rig.open(UnixTarget("/nonexistent/interface.sock"))
    backend.upgrades = False
    backend.respond = lambda _: None if request.param == "closes" else b"SSH-2.0-x\r\n"
    return await rig.open(backend.target)


async def test_person_gets_a_page_that_leads_to_the_room(task: "OpenTask") -> None:
    check_page(await task.page("/", task.own), task)


async def test_program_gets_a_line(task: "OpenTask") -> None:
    for method in ["GET", "POST", "DELETE"]:
        answer = await task.fetch("/", task.own, method)
        assert (answer.status, answer.get("retry-after")) == (503, "3")
        assert answer.text == "The task is not answering.\n"


async def test_websocket_gets_the_same(task: "OpenTask") -> None:
    answer, reader, writer = await task.upgrade({**task.own, "Origin": task.origin})
    assert answer.status == 503
    assert await reader.read() == b"The task is not answering.\n"
    writer.close()


async def test_task_that_becomes_ready_is_served(rig: "Rig", backend: "Backend") -> None:
    task = await rig.open(None)
    assert (await task.page("/", task.own)).status == 503
    await task.update(target=backend.target)
    assert (await task.page("/", task.own)).status == 200


async def test_reason_phrase_is_the_edges_own(rig: "Rig", backend: "Backend") -> None:
    """The answer turns out to be broken after http-proxy has copied its first line."""
    task = await rig.open(backend.target)
    content = b"HTTP/1.1 200 All is well\r\nTransfer-Encoding: chunked\r\n\r\nnot a length"
    backend.respond = lambda _: content
    reader, writer = await task.connect()
    head = f"GET / HTTP/1.1\r\nHost: {task.authority}\r\nCookie: {task.cookie}\r\n\r\n"
    writer.write(head.encode())
    first = await asyncio.wait_for(reader.readline(), 10)
    assert first == b"HTTP/1.1 503 Service Unavailable\r\n"
    writer.close()


async def test_broken_answer_is_seen_as_broken(rig: "Rig", backend: "Backend") -> None:
    task = await rig.open(backend.target)
    backend.respond = lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    reader, writer = await task.connect()
    head = f"GET / HTTP/1.1\r\nHost: {task.authority}\r\nCookie: {task.cookie}\r\n\r\n"
    writer.write(head.encode())
    assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
    backend.cut()
    assert await asyncio.wait_for(reader.read(), 10) in (b"half", b"")
    writer.close()


async def test_idle_connection_that_the_container_closes_costs_nothing(
    rig: "Rig", backend: "Backend"
) -> None:
    """The container closes it with the next request already under way."""
    task = await rig.open(backend.target)
    from tests.edge.conftest import echo

    assert (await task.fetch("/1", task.own)).status == 200
    backend.respond = lambda request: echo(request) if backend.opened > 1 else None
    assert (await task.fetch("/2", task.own)).status == 200
    assert [request.path for request in backend.requests] == ["/1", "/2", "/2"]


async def test_post_is_never_sent_twice(rig: "Rig", backend: "Backend") -> None:
    task = await rig.open(backend.target)
    assert (await task.fetch("/1", task.own)).status == 200
    backend.respond = lambda _: None
    assert (await task.fetch("/2", task.own, "POST", b"x")).status == 503
    assert [request.path for request in backend.requests] == ["/1", "/2"]


async def test_lost_container_ends_its_websockets(rig: "Rig", backend: "Backend") -> None:
    task = await rig.open(backend.target)
    reader, writer = await task.websocket()
    backend.cut()
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()


async def test_noise_after_the_upgrade_stays_out_of_the_websocket(
    rig: "Rig", backend: "Backend"
) -> None:
    task = await rig.open(backend.target)
    reader, writer = await task.websocket()
    for connection in backend.connections:
        # Linger of 0: the container's side is reset rather than ended.
        linger = struct.pack("ii", 1, 0)
        connection.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    backend.cut()
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()


async def test_lost_browser_ends_the_containers_side(rig: "Rig", backend: "Backend") -> None:
    from tests.edge.conftest import until

    task = await rig.open(backend.target)
    _, writer = await task.websocket()
    writer.transport.abort()
    await until(lambda: not backend.connections)


async def test_unix_sockets_serve_and_are_kept_alive(
    rig: "Rig", backend: "Backend", tmp_path: Path
) -> None:
    await backend.stop()
    await backend.start(tmp_path / "i.sock")
    task = await rig.open(UnixTarget(str(tmp_path / "i.sock")))
    for _ in range(5):
        assert (await task.fetch("/", task.own)).status == 200
    assert backend.opened == 1
    reader, writer = await task.websocket()
    writer.write(b"bytes")
    assert await reader.readexactly(5) == b"bytes"
    writer.close()
