"""Connections that the service brings over the edge's own socket, for users whom it has checked."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from rosetta_hub.edge import NotConnected, UnixTarget
from tests.edge.conftest import DEADLINE, Answer, build_request, parse_answer, until
from tests.edge.test_tcp import LARGE, Serve, answer_after_the_end, send_much
from tests.edge.test_tcp import serve as serve

if TYPE_CHECKING:
    from tests.edge.conftest import Backend, OpenTask, Rig

LOCAL = {"Host": "localhost:8888"}


async def fetch(
    task: "OpenTask", headers: dict[str, str], path: str = "/", method: str = "GET"
) -> Answer:
    stream = await task.rig.client.connect(task.id)
    stream.writer.write(build_request(method, path, {**headers, "Connection": "close"}))
    data = await asyncio.wait_for(stream.reader.read(), DEADLINE)
    stream.writer.close()
    return parse_answer(data, method)


async def test_bytes_pass_both_ways_and_one_direction_may_end(rig: "Rig", serve: Serve) -> None:
    task = await rig.open(await serve(answer_after_the_end), protocol="tcp")
    stream = await rig.client.connect(task.id)
    stream.writer.write(b"x" * LARGE)
    await stream.writer.drain()
    stream.writer.write_eof()
    assert await asyncio.wait_for(stream.reader.read(), 30) == str(LARGE).encode()
    stream.writer.close()


async def test_much_comes_whole(rig: "Rig", serve: Serve) -> None:
    task = await rig.open(await serve(send_much), protocol="tcp")
    stream = await rig.client.connect(task.id)
    assert len(await asyncio.wait_for(stream.reader.read(), 30)) == LARGE
    stream.writer.close()


async def test_they_count_as_use_and_are_cut_with_the_task(rig: "Rig", serve: Serve) -> None:
    task = await rig.open(await serve(answer_after_the_end), protocol="tcp")
    stream = await rig.client.connect(task.id)
    stream.writer.write(b"x" * 5000)

    async def is_counted() -> bool:
        activity = (await rig.client.activity())[task.id]
        return activity.bytes_in >= 5000 and activity.connections == 1

    await until(is_counted)
    assert (await rig.client.activity())[task.id].last_request is not None
    await rig.client.delete_task(task.id)
    assert await asyncio.wait_for(stream.reader.read(), DEADLINE) == b""
    stream.writer.close()


async def test_no_interface_no_connection(rig: "Rig") -> None:
    task = await rig.open(None, protocol="tcp")
    for listener in (task.id, "0" * 12, f"{task.id}-8787"):
        with pytest.raises(NotConnected):
            await rig.client.connect(listener)


async def test_a_container_that_is_away_ends_it(rig: "Rig") -> None:
    task = await rig.open(UnixTarget("/nonexistent"), protocol="tcp")
    stream = await rig.client.connect(task.id)
    assert await asyncio.wait_for(stream.reader.read(), DEADLINE) == b""
    stream.writer.close()


@pytest.fixture(params=["http", "https"])
async def web(
    request: pytest.FixtureRequest, rig: "Rig", secure_rig: "Rig", backend: "Backend"
) -> "OpenTask":
    """A task with a credential of its own, at an edge without and with TLS."""
    choice = secure_rig if request.param == "https" else rig
    return await choice.open(backend.target, authorization="token secret")


async def test_http_needs_no_cookie_and_is_given_the_credential(web: "OpenTask") -> None:
    cookie = f"{web.cookie_prefix}mine=1; other=2; {web.cookie}"
    answer = await fetch(web, {**LOCAL, "Cookie": cookie, "X-Forwarded-For": "10.0.0.1"})
    assert answer.status == 200
    assert answer.seen["authorization"] == "token secret"
    assert answer.seen["host"] == "localhost:8888"
    assert answer.seen["cookie"] == "mine=1"
    assert answer.seen["x-forwarded-for"] == "127.0.0.1"
    assert answer.seen["x-forwarded-proto"] == "http"


async def test_cookies_of_the_container_are_for_plain_http(
    web: "OpenTask", backend: "Backend"
) -> None:
    backend.respond = lambda _: (
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: a=1; Secure; HttpOnly\r\n\r\n"
    )
    answer = await fetch(web, LOCAL)
    assert answer.all("set-cookie") == [f"{web.cookie_prefix}a=1; HttpOnly"]


async def test_many_requests_over_one_connection(web: "OpenTask") -> None:
    stream = await web.rig.client.connect(web.id)
    for number in range(3):
        stream.writer.write(build_request("GET", f"/{number}", LOCAL))
        head = await asyncio.wait_for(stream.reader.readuntil(b"\r\n\r\n"), DEADLINE)
        body = await stream.reader.readexactly(
            int(parse_answer(head, "HEAD").get("content-length") or 0)
        )
        assert f'"/{number}"'.encode() in body
    stream.writer.close()


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        ({"Host": "evil.example:8888"}, "/", 421),
        ({"Host": "127.0.0.1.evil.example"}, "/", 421),
        ({**LOCAL, "Origin": "http://evil.example"}, "/", 403),
        ({**LOCAL, "Origin": "http://localhost:8889"}, "/", 403),
        ({**LOCAL, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, "/", 403),
        ({**LOCAL, "Referer": "http://evil.example/"}, "/", 403),
        ({**LOCAL, "Service-Worker": "script"}, "/", 403),
        (LOCAL, "/_rosetta/open?ticket=1", 404),
        (LOCAL, "http://localhost:8888/", 400),
    ],
)
async def test_pages_of_other_sites_are_refused(
    rig: "Rig", backend: "Backend", headers: dict[str, str], path: str, status: int
) -> None:
    task = await rig.open(backend.target)
    assert (await fetch(task, headers, path)).status == status
    assert backend.requests == []


@pytest.mark.parametrize(
    ("origin", "status"),
    [(None, 101), ("http://localhost:8888", 101), ("http://evil.example", 403)],
)
async def test_websockets(rig: "Rig", backend: "Backend", origin: str | None, status: int) -> None:
    task = await rig.open(backend.target)
    stream = await rig.client.connect(task.id)
    handshake = {
        **LOCAL,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        **({} if origin is None else {"Origin": origin}),
    }
    stream.writer.write(build_request("GET", "/ws", handshake))
    head = await asyncio.wait_for(stream.reader.readuntil(b"\r\n\r\n"), DEADLINE)
    assert parse_answer(head, "HEAD").status == status
    if status == 101:
        stream.writer.write(b"frames")
        assert await asyncio.wait_for(stream.reader.readexactly(6), DEADLINE) == b"frames"
        assert await rig.client.delete_connections(task.id)
        assert await asyncio.wait_for(stream.reader.read(), DEADLINE) == b""
    stream.writer.close()


async def test_no_other_port_is_served_by_a_host_header(rig: "Rig", backend: "Backend") -> None:
    """What the service has brought stays with its task, whatever a request names."""
    task, other = await rig.open(backend.target), await rig.open(backend.target)
    assert (await fetch(task, {"Host": other.authority})).status == 200
    activity = await rig.client.activity()
    assert activity[task.id].last_request is not None
    assert activity[other.id].last_request is None
