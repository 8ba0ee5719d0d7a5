"""`api/v1/tasks/<id>/connection`: a TCP connection to a task, inside of a WebSocket."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import select
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from rosetta_hub.database.models import Task
from rosetta_hub.database.models_audit import AuditRecord
from rosetta_hub.tasks.events import Event
from rosetta_hub.web import connection
from rosetta_hub.web.connection import END, SUBPROTOCOL

from .test_api import PREFIX, Site, scopes_of
from .test_api import site as site
from .test_manager import report

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
# Seconds.
TIMEOUT = 20
LARGE = 20_000_000
# What the test has opened, to be closed after it.
clients: list[WebSocketClientConnection] = []


@pytest.fixture(autouse=True)
async def closing(site: Site) -> AsyncIterator[None]:
    """Nothing of the edge is left."""
    clients.clear()
    yield
    for client in clients:
        client.close()
    await site.edge.close()


async def connect(
    site: Site, task: Task, query: str = "", token: str = "alice", **headers: str
) -> WebSocketClientConnection:
    url = f"ws://127.0.0.1:{site.port}{PREFIX}api/v1/tasks/{task.id}/connection{query}"
    authorization = {"Authorization": f"token {token}"} if token else {}
    request = HTTPRequest(url, headers={**authorization, **headers})
    async with asyncio.timeout(TIMEOUT):
        client = await websocket_connect(request, subprotocols=[SUBPROTOCOL])
    clients.append(client)
    return client


async def refusal(site: Site, task: Task, query: str = "", **how: Any) -> HTTPClientError:
    with pytest.raises(HTTPClientError) as error:
        await connect(site, task, query, **how)
    return error.value


async def read(client: WebSocketClientConnection) -> str | bytes | None:
    async with asyncio.timeout(TIMEOUT):
        return await client.read_message()


async def closed(client: WebSocketClientConnection) -> tuple[int | None, str | None]:
    """How the connection is closed; what comes before is read."""
    while await read(client) is not None:
        pass
    return client.close_code, client.close_reason


async def eventually(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not condition():
            await asyncio.sleep(0.01)


async def test_bytes_go_both_ways_and_each_direction_ends(site: Site) -> None:
    task = site.start()
    client = await connect(site, task)
    assert client.selected_subprotocol == SUBPROTOCOL
    await client.write_message(b"\x00\xffhello", binary=True)
    assert await read(client) == b"\x00\xffhello"
    await client.write_message(END)
    assert await read(client) == END
    assert await closed(client) == (1000, None)
    assert site.edge.connected == [(task.id, None)]


async def test_much_passes_unchanged(site: Site) -> None:
    client = await connect(site, site.start())
    data = hashlib.sha256(b"seed").digest() * (LARGE // 32)

    async def send() -> None:
        for start in range(0, len(data), 1 << 18):
            await client.write_message(data[start : start + (1 << 18)], binary=True)
        await client.write_message(END)

    sending = asyncio.ensure_future(send())
    received = bytearray()
    while isinstance(message := await read(client), bytes):
        received += message
    await sending
    assert message == END
    assert received == data


async def test_what_is_sent_before_the_end_arrives_though_the_client_leaves(site: Site) -> None:
    arrived: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    event = asyncio.Event()

    async def count(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await event.wait()
        arrived.set_result(len(await reader.read(-1)))

    site.edge.program = count
    client = await connect(site, site.start())
    # More than the kernel keeps, less than the service does.
    await client.write_message(b"x" * 800_000, binary=True)
    await client.write_message(END)
    client.close()
    await closed(client)
    event.set()
    async with asyncio.timeout(TIMEOUT):
        assert await arrived == 800_000


async def wait_for_ever(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def test_a_task_that_does_not_read_stops_the_client(site: Site) -> None:
    """Buffers of a few megabytes fill, then nothing more is taken from the client."""
    site.edge.program = wait_for_ever
    client = await connect(site, site.start())
    count = 0

    async def send() -> None:
        nonlocal count
        while True:
            await client.write_message(b"x" * 100_000, binary=True)
            count += 100_000

    sending = asyncio.ensure_future(send())
    value = -1
    while value != count:
        value = count
        # Nothing tells that nothing happens but a while without it.
        await asyncio.wait([sending], timeout=1)
    assert count < 50_000_000
    # The service still answers, and lets go of both when the client leaves.
    assert (await site.fetch("GET", "health")).code == 200
    sending.cancel()
    client.close()


async def test_a_client_that_does_not_read_stops_the_task(site: Site) -> None:
    count = 0

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        while True:
            writer.write(b"x" * 100_000)
            await writer.drain()
            count += 100_000

    site.edge.program = flood
    _, writer = await raw_connection(site, site.start())
    value = -1
    while value != count:
        value = count
        await asyncio.wait([asyncio.ensure_future(asyncio.sleep(1))])
    assert count < 50_000_000
    writer.transport.abort()


async def raw_connection(
    site: Site, task: Task
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client that reads its socket only when asked to."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port, limit=1024)
    lines = [
        f"GET {PREFIX}api/v1/tasks/{task.id}/connection HTTP/1.1",
        f"Host: 127.0.0.1:{site.port}",
        "Authorization: token alice",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}",
    ]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    async with asyncio.timeout(TIMEOUT):
        assert (await reader.readline()).startswith(b"HTTP/1.1 101 ")
    return reader, writer


async def test_the_end_of_the_task_ends_it(site: Site) -> None:
    task = site.start()
    client = await connect(site, task)
    site.bench.tasks.report(task, report("failed", 2, reason="exited", exit_code=3))
    assert await closed(client) == (4000, "The task has ended.")


async def test_a_task_that_is_deleted_ends_it(site: Site) -> None:
    task = site.start()
    client = await connect(site, task)
    site.bench.tasks.report(task, report("failed", 2, reason="exited", exit_code=3))
    site.bench.tasks.delete(site.bench.tasks.find(task.id))
    assert (await closed(client))[0] == 4000


async def test_the_end_of_the_session_ends_it(site: Site) -> None:
    client = await connect(site, site.start())
    site.streams.end("alice")
    assert await closed(client) == (4001, "Your session has ended: log in again.")


async def test_the_end_of_a_share_ends_it(site: Site) -> None:
    task = site.start()
    site.hub.scopes["bob"] = [*scopes_of("bob"), f"access:servers!server=alice/{task.server_name}"]
    client = await connect(site, task, token="bob")
    site.hub.scopes["bob"] = scopes_of("bob")
    news = Event("shares", task.id, task.user, task.server_name, share=("user", "bob"))
    site.bench.tasks.events.publish(news)
    assert await closed(client) == (4001, "You may not use this task any more.")


@pytest.mark.parametrize("scopes", [[], ["access:services!service=rosetta"]])
async def test_a_token_that_is_good_no_more_ends_it(
    site: Site, monkeypatch: pytest.MonkeyPatch, scopes: list[str]
) -> None:
    monkeypatch.setattr(connection, "CHECK_INTERVAL", 0.05)
    client = await connect(site, site.start())
    site.hub.scopes["alice"] = scopes
    assert (await closed(client))[0] == 4001


async def test_a_hub_that_says_nothing_ends_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CHECK_INTERVAL", 0.01)
    client = await connect(site, site.start())
    request = 0
    user = site.hub.user

    def count(token: str) -> dict[str, Any] | None:
        nonlocal request
        request += 1
        return user(token)

    monkeypatch.setattr(site.hub, "user", count)
    site.hub.is_silent = True
    await eventually(lambda: request > 3)
    await client.write_message(b"still there", binary=True)
    assert await read(client) == b"still there"
    client.close()


async def test_a_lost_connection_to_the_task_is_said(site: Site) -> None:
    client = await connect(site, site.start())
    await client.write_message(b"x", binary=True)
    assert await read(client) == b"x"
    # Unread bytes make the kernel reset the connection.
    site.edge.writers[0].transport.pause_reading()  # type: ignore[attr-defined]
    await client.write_message(b"y", binary=True)
    site.edge.writers[0].transport.abort()
    assert await closed(client) == (4002, "The connection to the task was lost.")


async def test_messages_that_do_not_belong_there(site: Site) -> None:
    site.edge.program = wait_for_ever
    task = site.start()
    wrong: list[list[str | bytes]] = [["begin"], [END, END], [END, b"more"]]
    for messages in wrong:
        client = await connect(site, task)
        for message in messages:
            await client.write_message(message, binary=isinstance(message, bytes))
        assert (await closed(client))[0] == 1002


async def test_a_message_that_is_too_large_is_refused(site: Site) -> None:
    arrived: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def read_all(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            arrived.set_result(await reader.read(-1))

    site.edge.program = read_all
    client = await connect(site, site.start())
    await client.write_message(b"x" * ((1 << 20) + 1), binary=True)
    # The service closes without reading the rest, so its reason may be lost.
    assert (await closed(client))[0] in (1009, None)
    async with asyncio.timeout(TIMEOUT):
        assert await arrived == b""


async def test_who_may_not_enter_finds_nothing(site: Site) -> None:
    task = site.start()
    assert (await refusal(site, task, token="bob")).code == 404
    assert (await refusal(site, task, token="nobody")).code == 403
    assert (await refusal(site, task, token="")).code == 403
    assert site.edge.connected == []


async def test_other_sites_pages_are_refused(site: Site) -> None:
    task = site.start()
    assert (await refusal(site, task, Origin="https://evil.example")).code == 403
    assert site.edge.connected == []


async def test_a_cookie_will_not_do(site: Site) -> None:
    answer = await site.fetch(
        "GET", f"api/v1/tasks/{site.start().id}/connection?token=alice", token=""
    )
    assert answer.code == 403
    assert b"Authorization" in answer.body


async def test_only_a_websocket_of_our_protocol(site: Site) -> None:
    path = f"api/v1/tasks/{site.start().id}/connection"
    plain = await site.fetch("GET", path)
    assert (plain.code, plain.headers["Upgrade"]) == (426, "websocket")
    other = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Protocol": "chat"}
    assert (await site.fetch("GET", path, headers=other)).code == 400
    assert site.edge.connected == []


async def test_interfaces_are_named_by_their_ports(site: Site) -> None:
    task = site.start()
    with site.bench.tasks.database.session() as session:
        row = session.merge(task)
        row.software = {**row.software, "interfaces": [{"name": "Board", "port": 8787}]}
    for query in ("?port=8787", "?port=8888", ""):
        (await connect(site, task, query)).close()
    assert [port for _, port in site.edge.connected] == [8787, None, None]
    assert (await refusal(site, task, "?port=22")).code == 404


async def test_a_task_that_does_not_run_is_refused(site: Site) -> None:
    site.edge.is_open = False
    assert (await refusal(site, site.start())).code == 409


async def test_a_user_has_so_many_connections(site: Site) -> None:
    task = site.start()
    for _ in range(3):
        await connect(site, task)
    assert (await refusal(site, task)).code == 409
    clients[0].close()
    await closed(clients[0])

    async def is_admitted() -> bool:
        try:
            (await connect(site, task)).close()
        except HTTPClientError:
            return False
        return True

    async with asyncio.timeout(TIMEOUT):
        while not await is_admitted():
            await asyncio.sleep(0.01)


async def test_an_entry_is_written_down_once(site: Site) -> None:
    task = site.start()
    for _ in range(2):
        (await connect(site, task)).close()
    with site.bench.tasks.database.session() as session:
        rows = list(session.scalars(select(AuditRecord)))
    assert [(row.event, row.actor, row.task) for row in rows] == [("task.enter", "alice", task.id)]


async def test_the_service_pings(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.ConnectionHandler, "ping_interval", 0.05)
    reader, writer = await raw_connection(site, site.start())
    async with asyncio.timeout(TIMEOUT):
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(4) == b"\x89\x00\x89\x00"
    writer.transport.abort()
