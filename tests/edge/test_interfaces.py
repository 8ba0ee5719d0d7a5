"""Further interfaces of a task: the same users, but an origin and cookies of their own."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

from tests.edge.conftest import BROWSER, DEADLINE, sha256

if TYPE_CHECKING:
    from tests.edge.conftest import Backend, OpenTask, Rig

PORT = 8787


async def open_further(
    rig: "Rig", task: "OpenTask", backend: "Backend", **changes: object
) -> "OpenTask":
    """A further interface of the task, for the same sessions."""
    await task.update(interfaces=(PORT,))
    opened = await rig.open(
        backend.target,
        id=f"{task.id}-{PORT}",
        open_url=f"{task.listener.open_url}?interface={PORT}",
        sessions=task.listener.sessions,
        **changes,
    )
    return replace(opened, session=task.session)


@pytest.fixture
async def task(rig: "Rig", backend: "Backend") -> "OpenTask":
    return await rig.open(backend.target)


@pytest.fixture
async def dashboard(rig: "Rig", task: "OpenTask", other_backend: "Backend") -> "OpenTask":
    return await open_further(rig, task, other_backend)


async def is_open(task: "OpenTask") -> bool:
    """Whether its port accepts connections."""
    try:
        _reader, writer = await task.connect()
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


async def test_each_interface_leads_to_its_own_port(
    task: "OpenTask", dashboard: "OpenTask", backend: "Backend", other_backend: "Backend"
) -> None:
    assert (await task.fetch("/main", task.own)).status == 200
    assert (await dashboard.fetch("/status", dashboard.own)).status == 200
    assert [request.path for request in backend.requests] == ["/main"]
    assert [request.path for request in other_backend.requests] == ["/status"]


async def test_strangers_enter_no_interface(
    dashboard: "OpenTask", other_backend: "Backend"
) -> None:
    for headers in ({}, {"Cookie": f"{dashboard.cookie_name}=x"}):
        assert (await dashboard.fetch("/", headers)).status == 403
        answer, _, writer = await dashboard.upgrade({**headers, "Origin": dashboard.origin})
        writer.close()
        assert answer.status == 403
    assert other_backend.requests == []


async def test_a_browser_is_sent_for_a_ticket_of_this_interface(dashboard: "OpenTask") -> None:
    answer = await dashboard.page("/_rosetta/open?next=%2Fstatus")
    url, _, query = (answer.get("location") or "").partition("?")
    assert url == dashboard.listener.open_url.partition("?")[0]
    browser = [sha256(BROWSER)]
    assert parse_qs(query) == {"interface": ["8787"], "browser": browser, "next": ["/status"]}


async def test_a_ticket_opens_one_interface(task: "OpenTask", dashboard: "OpenTask") -> None:
    path, _ = await dashboard.post_ticket()
    assert (await task.page(path)).status == 403
    opened = await dashboard.page(path)
    assert (opened.status, opened.get("location")) == (302, "/")
    access, port = opened.all("set-cookie")
    assert access.startswith(f"rosetta-{task.id}-{PORT}=")
    assert port.startswith(f"rosetta-port-{dashboard.socket_port}={task.id}-{PORT};")


async def test_cookies_stay_with_their_interface(
    task: "OpenTask", dashboard: "OpenTask", backend: "Backend", other_backend: "Backend"
) -> None:
    """Browsers send all cookies of a host to each of its ports."""
    line = b"Set-Cookie: id=secret; HttpOnly\r\n"
    backend.respond = lambda _: b"HTTP/1.1 200 OK\r\n%sContent-Length: 0\r\n\r\n" % line
    (value,) = (await task.fetch("/", task.own)).all("set-cookie")
    jar = f"{task.cookie}; {dashboard.cookie}; {value.partition(';')[0]}"
    assert (await dashboard.fetch("/", {"Cookie": jar})).status == 200
    assert other_backend.requests[-1].get("cookie") is None
    assert (await task.fetch("/", {"Cookie": jar})).status == 200
    assert backend.requests[-1].get("cookie") == "id=secret"


async def test_pages_of_one_interface_reach_no_other(
    task: "OpenTask", dashboard: "OpenTask", backend: "Backend", other_backend: "Backend"
) -> None:
    """The web server of a dashboard may be anything: its pages are strangers to the notebook."""
    from_dashboard = {**task.own, "Origin": dashboard.origin}
    metadata = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}
    assert (await task.fetch("/api", from_dashboard)).status == 403
    assert (await task.fetch("/api", {**from_dashboard, **metadata})).status == 403
    answer, _, writer = await task.upgrade(from_dashboard)
    writer.close()
    assert answer.status == 403
    assert (backend.requests, other_backend.requests) == ([], [])


async def test_websockets_of_an_interface_are_its_own(
    task: "OpenTask", dashboard: "OpenTask"
) -> None:
    reader, writer = await dashboard.websocket()
    await task.update(sessions={})
    assert await task.rig.client.delete_session(task.id, sha256(task.session))
    assert await asyncio.wait_for(reader.read(), DEADLINE) == b""
    writer.close()
    assert (await dashboard.fetch("/", dashboard.own)).status == 403


async def test_undeclared_interfaces_are_closed(
    rig: "Rig", task: "OpenTask", dashboard: "OpenTask"
) -> None:
    await task.update(name="Another name")
    assert await is_open(dashboard), "an update that declares it leaves it open"
    await task.update(interfaces=())
    assert not await is_open(dashboard)
    assert await is_open(task)


async def test_interfaces_end_with_their_task(
    rig: "Rig", task: "OpenTask", dashboard: "OpenTask"
) -> None:
    assert await rig.client.delete_task(task.id)
    assert not await is_open(task)
    assert not await is_open(dashboard)


async def test_full_state_names_each_interface(
    rig: "Rig", task: "OpenTask", dashboard: "OpenTask"
) -> None:
    listeners = [task.listener, dashboard.listener]
    assert await rig.client.put_tasks(listeners) == {}
    assert await is_open(dashboard)
    assert await rig.client.put_tasks([replace(task.listener, interfaces=())]) == {}
    assert not await is_open(dashboard)


async def test_interfaces_under_host_names(
    named_rig: "Rig", backend: "Backend", other_backend: "Backend"
) -> None:
    task = await named_rig.open(backend.target, host="0123456789ab.tasks.example")
    host = f"0123456789ab-{PORT}.tasks.example"
    dashboard = await open_further(named_rig, task, other_backend, host=host)
    assert (await dashboard.fetch("/status", dashboard.own)).status == 200
    assert [request.path for request in other_backend.requests] == ["/status"]
    unknown = f"0123456789ab-22.tasks.example:{dashboard.socket_port}"
    answer = await dashboard.fetch("/", {**dashboard.own, "Host": unknown})
    stranger = f"ffffffffffff.tasks.example:{dashboard.socket_port}"
    other = await dashboard.fetch("/", {**dashboard.own, "Host": stranger})
    assert (answer.status, answer.text) == (other.status, other.text) == (421, answer.text)
