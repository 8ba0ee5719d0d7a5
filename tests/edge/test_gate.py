"""Who gets in: sessions, tickets, the page that a request comes from, the host that it names."""

import asyncio
import hashlib
import secrets
import socket
import struct
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

import pytest

from rosetta_hub.edge import Session
from tests.edge.conftest import BROWSER, sha256

if TYPE_CHECKING:
    from tests.edge.conftest import Backend, OpenTask, Rig

NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": "text/html"}


@pytest.fixture
async def task(rig: "Rig", backend: "Backend") -> "OpenTask":
    return await rig.open(backend.target)


async def test_session_reaches_the_container(task: "OpenTask") -> None:
    answer = await task.fetch("/a/../b/c%2Fd?x=//y", task.own)
    assert answer.status == 200
    assert '"/a/../b/c%2Fd?x=//y"' in answer.text


async def test_navigation_without_a_session_is_sent_to_log_in(
    task: "OpenTask", backend: "Backend"
) -> None:
    answer = await task.page("/lab?x=1&y=2")
    assert answer.status == 302
    opening = f"/_rosetta/open?next={quote('/lab?x=1&y=2', safe='')}"
    assert answer.get("location") == opening
    answer = await task.page(opening)
    assert answer.status == 302
    url, _, query = (answer.get("location") or "").partition("?")
    assert url == task.listener.open_url
    assert parse_qs(query) == {"browser": [sha256(BROWSER)], "next": ["/lab?x=1&y=2"]}
    assert answer.get("cache-control") == "no-store"
    assert answer.get("referrer-policy") == "no-referrer"
    assert backend.requests == []


async def test_hub_chooses_the_page_where_none_is_asked_for(task: "OpenTask") -> None:
    answer = await task.page("/_rosetta/open")
    assert answer.get("location") == f"{task.listener.open_url}?browser={sha256(BROWSER)}"


@pytest.mark.parametrize("cookie", ["", "rosetta-browser=short", "rosetta-browserx=1"])
async def test_unknown_browser_gets_a_name(task: "OpenTask", cookie: str) -> None:
    answer = await task.page("/_rosetta/open", {"Cookie": cookie})
    pair, _, attributes = (answer.get("set-cookie") or "").partition("; ")
    assert attributes == "Path=/_rosetta/open; Max-Age=34560000; HttpOnly; SameSite=Lax"
    value = pair.removeprefix("rosetta-browser=")
    assert answer.get("location") == f"{task.listener.open_url}?browser={sha256(value)}"


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {}),
        ("POST", {"Accept": "text/html"}),
        ("HEAD", {"Accept": "text/html"}),
        ("GET", {**NAVIGATION, "Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "same-origin"}),
        ("GET", {"Accept": "text/html", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}),
    ],
)
async def test_other_requests_without_a_session_are_refused(
    task: "OpenTask", backend: "Backend", method: str, headers: dict[str, str]
) -> None:
    answer = await task.fetch("/", headers, method)
    assert answer.status == 403
    assert backend.requests == []


async def test_session_of_another_task_is_refused(
    rig: "Rig", task: "OpenTask", backend: "Backend"
) -> None:
    other = await rig.open(backend.target)
    stolen = (
        f"{other.cookie}; {task.cookie_name}={other.session}; {other.cookie_name}x={task.session}"
    )
    assert (await task.fetch("/", {"Cookie": stolen})).status == 403
    assert backend.requests == []


async def test_one_valid_cookie_among_tossed_ones_is_enough(task: "OpenTask") -> None:
    tossed = f"{task.cookie_name}=tossed; {task.cookie}; {task.cookie_name}=another"
    assert (await task.fetch("/", {"Cookie": tossed})).status == 200


async def test_expired_session_is_refused(task: "OpenTask") -> None:
    digest = next(iter(task.listener.sessions))
    await task.update(sessions={digest: Session("alice", int(time.time()) - 1)})
    assert (await task.fetch("/", task.own)).status == 403


async def test_ticket_is_traded_once(task: "OpenTask") -> None:
    opening, session = await task.post_ticket()
    path = f"{opening}&next=%2Flab%3Fx%3D1"
    first = await task.page(path, {**NAVIGATION, "Sec-Fetch-Site": "cross-site"})
    assert first.status == 302
    assert first.get("location") == "/lab?x=1"
    cookie = first.get("set-cookie") or ""
    assert cookie.startswith(f"rosetta-{task.id}={session}; Path=/; Max-Age=")
    assert cookie.endswith("; HttpOnly; SameSite=Lax")
    assert (await task.fetch("/", {"Cookie": cookie.split(";")[0]})).status == 200
    second = await task.page(path)
    assert second.status == 403
    assert second.all("set-cookie") == []
    assert task.listener.open_url in second.text


async def test_used_ticket_of_a_browser_with_a_session_goes_on(task: "OpenTask") -> None:
    answer = await task.page("/_rosetta/open?ticket=used&next=/lab", task.own)
    assert (answer.status, answer.get("location")) == (302, "/lab")


async def test_old_ticket_is_refused(task: "OpenTask") -> None:
    path, _ = await task.post_ticket(expires_in=0.001)
    await asyncio.sleep(0.01)
    assert (await task.page(path)).status == 403


async def test_ticket_of_another_task_is_refused(
    rig: "Rig", task: "OpenTask", backend: "Backend"
) -> None:
    other = await rig.open(backend.target)
    path, _ = await other.post_ticket()
    assert (await task.page(path)).status == 403


@pytest.mark.parametrize(
    "cookies",
    [
        "",
        "rosetta-browser={other}",
        "rosetta-browser=",
        # A script's cookie of another path comes after the edge's own.
        "rosetta-browser={other}; rosetta-browser={own}",
        "xrosetta-browser={own}",
    ],
)
async def test_ticket_is_for_one_browser(task: "OpenTask", cookies: str) -> None:
    path, _ = await task.post_ticket()
    other = secrets.token_urlsafe(32)
    answer = await task.page(path, {"Cookie": cookies.format(own=BROWSER, other=other)})
    assert answer.status == 403
    assert answer.all("set-cookie") == []
    assert "only in the browser that asked for it" in answer.text
    assert (await task.page(path)).status == 403, "a ticket that was tried elsewhere is void"


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "*/*"},
        {**NAVIGATION, "Sec-Fetch-Mode": "cors"},
        {**NAVIGATION, "Sec-Fetch-Dest": "iframe"},
    ],
)
async def test_ticket_is_traded_by_navigation_only(
    task: "OpenTask", headers: dict[str, str]
) -> None:
    path, _ = await task.post_ticket()
    cookie = {"Cookie": task.browser_cookie}
    assert (await task.fetch(path, {**cookie, **headers})).status == 403
    assert (await task.page(path)).status == 302


@pytest.mark.parametrize(
    "target",
    ["//evil.example/", "/\\evil.example", "https://evil.example/", "", "/x%0d%0aSet-Cookie:a=b",
     "/_rosetta/open?ticket=1"],
)  # fmt: skip
async def test_next_stays_in_the_task(task: "OpenTask", target: str) -> None:
    path, _ = await task.post_ticket()
    answer = await task.page(f"{path}&next={quote(target, safe='%')}")
    assert (answer.status, answer.get("location")) == (302, "/")
    names = [line.partition("=")[0] for line in answer.all("set-cookie")]
    assert names == [task.cookie_name, f"rosetta-port-{task.socket_port}"]


async def test_edge_keeps_its_path_for_itself(task: "OpenTask", backend: "Backend") -> None:
    assert (await task.fetch("/_rosetta/other", task.own)).status == 404
    assert backend.requests == []


async def test_traded_session_survives_a_state_that_is_older(task: "OpenTask") -> None:
    path, session = await task.post_ticket()
    await task.page(path)
    await task.rig.client.put_tasks([item.listener for item in task.rig.tasks])
    assert (await task.fetch("/", {"Cookie": f"{task.cookie_name}={session}"})).status == 200


async def test_session_that_is_started_again_keeps_what_it_has_open(task: "OpenTask") -> None:
    """The task is opened in a second tab; a logout ends what both tabs have open."""
    path, session = await task.post_ticket()
    assert (await task.page(path)).status == 302
    cookie = {"Cookie": f"{task.cookie_name}={session}", "Origin": task.origin}
    answer, reader, writer = await task.upgrade(cookie)
    assert answer.status == 101
    expires = time.time() + 3600
    await task.rig.client.post_ticket(
        task.id, "again", sha256(BROWSER), session, "alice", 60, expires
    )
    assert (await task.page("/_rosetta/open?ticket=again&next=/")).status == 302
    writer.write(b"alive")
    assert await reader.readexactly(5) == b"alive"
    digest = hashlib.sha256(session.encode()).hexdigest()
    assert await task.rig.client.delete_session(task.id, digest)
    assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()


async def test_ended_session_is_not_started_by_its_ticket(task: "OpenTask") -> None:
    path, session = await task.post_ticket()
    digest = hashlib.sha256(session.encode()).hexdigest()
    assert await task.rig.client.delete_session(task.id, digest)
    assert (await task.page(path)).status == 403
    assert (await task.fetch("/", {"Cookie": f"{task.cookie_name}={session}"})).status == 403


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}),
        ("GET", {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": "text/html"}),
        ("GET", {**NAVIGATION, "Sec-Fetch-Dest": "iframe"}),
        ("POST", {**NAVIGATION, "Origin": "http://127.0.0.1:1"}),
        ("POST", {**NAVIGATION, "Origin": "null"}),
        ("DELETE", {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}),
    ],
)
async def test_requests_of_other_pages_are_refused(
    task: "OpenTask", backend: "Backend", site: str, method: str, headers: dict[str, str]
) -> None:
    answer = await task.fetch("/", {**task.own, **headers, "Sec-Fetch-Site": site}, method)
    assert answer.status == 403
    assert backend.requests == []


@pytest.mark.parametrize("site", ["same-site", "cross-site", "none"])
async def test_navigation_from_elsewhere_is_welcome(task: "OpenTask", site: str) -> None:
    headers = {**task.own, **NAVIGATION, "Sec-Fetch-Site": site}
    assert (await task.fetch("/", headers)).status == 200


@pytest.mark.parametrize("origin", ["own", "null", None])
async def test_own_page_may_post(task: "OpenTask", origin: str | None) -> None:
    named = {} if origin is None else {"Origin": task.origin if origin == "own" else origin}
    headers = {**task.own, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", **named}
    assert (await task.fetch("/", headers, "POST", b"x")).status == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize(
    "origin", ["null", "http://127.0.0.1:1", "http://localhost", "http://hub.example"]
)
async def test_origin_counts_without_fetch_metadata(
    task: "OpenTask", backend: "Backend", method: str, origin: str
) -> None:
    answer = await task.fetch("/", {**task.own, "Origin": origin}, method, b"x")
    assert answer.status == 403
    assert backend.requests == []


async def test_referer_counts_without_both(task: "OpenTask") -> None:
    elsewhere = {**task.own, "Referer": f"{task.origin}0/page"}
    assert (await task.fetch("/", elsewhere)).status == 403
    assert (await task.fetch("/", {**task.own, "Referer": f"{task.origin}/page"})).status == 200


async def test_client_without_a_browser_may_post(task: "OpenTask") -> None:
    assert (await task.fetch("/", task.own, "POST", b"x")).status == 200
    assert (await task.fetch("/", {**task.own, "Origin": task.origin}, "POST", b"x")).status == 200


async def test_websocket_of_the_own_page(task: "OpenTask") -> None:
    reader, writer = await task.websocket()
    writer.write(b"some bytes")
    assert await reader.readexactly(10) == b"some bytes"
    writer.close()


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "http://127.0.0.1:1",
        "http://127.0.0.1",
        "https://{}",
        "http://{}/",
        "http://{}0",
    ],
)
async def test_websocket_needs_the_exact_origin(
    task: "OpenTask", backend: "Backend", origin: str | None
) -> None:
    named = {} if origin is None else {"Origin": origin.format(task.authority)}
    answer, _, writer = await task.upgrade({**task.own, **named})
    assert answer.status == 403
    assert backend.requests == []
    writer.close()


@pytest.mark.parametrize("cookie", [None, "{}=wrong", "{}="])
async def test_websocket_needs_a_session(
    task: "OpenTask", backend: "Backend", cookie: str | None
) -> None:
    headers = {} if cookie is None else {"Cookie": cookie.format(task.cookie_name)}
    answer, _, writer = await task.upgrade({"Origin": task.origin, **headers})
    assert answer.status == 403
    assert backend.requests == []
    writer.close()


async def test_client_that_resets_a_refused_upgrade_harms_nobody(task: "OpenTask") -> None:
    """Node leaves the socket of an upgrade without a listener; the fixture reads the edge's log."""
    head = f"GET / HTTP/1.1\r\nHost: {task.authority}\r\nConnection: Upgrade\r\n"
    for _ in range(50):
        _, writer = await task.connect()
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.write(f"{head}Upgrade: websocket\r\n\r\n".encode())
        writer.transport.abort()
    assert (await task.fetch("/", task.own)).status == 200


async def test_other_upgrades_are_refused(task: "OpenTask", backend: "Backend") -> None:
    headers = {**task.own, "Origin": task.origin, "Upgrade": "h2c"}
    answer, _, writer = await task.upgrade(headers)
    assert answer.status == 400
    assert backend.requests == []
    writer.close()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost:{}", "127.0.0.1:1", "evil.example:{}", ""]
)
async def test_only_the_own_host_is_served(task: "OpenTask", backend: "Backend", host: str) -> None:
    answer = await task.fetch("/", {**task.own, "Host": host.format(task.socket_port)})
    assert answer.status == 421
    headers = {**task.own, "Origin": task.origin, "Host": host.format(task.socket_port)}
    refused, _, writer = await task.upgrade(headers)
    assert refused.status == 421
    assert backend.requests == []
    writer.close()


async def test_port_decides_whatever_host_and_path_say(
    rig: "Rig", task: "OpenTask", backend: "Backend"
) -> None:
    other = await rig.open(backend.target)
    assert (await task.fetch("/", {**other.own, "Host": other.authority})).status == 421
    absolute = await task.fetch(f"http://{other.authority}/", {**other.own, **task.own})
    assert absolute.status == 400
    assert (await task.fetch("*", task.own, "OPTIONS")).status == 400
    assert backend.requests == []


async def test_ended_session_loses_its_websocket(task: "OpenTask") -> None:
    reader, writer = await task.websocket()
    assert await task.rig.client.delete_session(task.id, next(iter(task.listener.sessions)))
    assert await asyncio.wait_for(reader.read(), 10) == b""
    assert (await task.fetch("/", task.own)).status == 403
    writer.close()


async def test_ended_session_loses_what_it_is_receiving(
    task: "OpenTask", backend: "Backend"
) -> None:
    backend.respond = lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nevent"
    reader, writer = await task.connect()
    head = f"GET / HTTP/1.1\r\nHost: {task.authority}\r\nCookie: {task.cookie}\r\n\r\n"
    writer.write(head.encode())
    await reader.readuntil(b"event")
    assert await task.rig.client.delete_session(task.id, next(iter(task.listener.sessions)))
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
