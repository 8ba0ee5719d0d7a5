"""Requests that hide another one."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rosetta_hub.edge.process import build_proxy_command, find_node
from tests.edge.hub_proxy import start_hub_proxy

if TYPE_CHECKING:
    from tests.edge.conftest import Backend, OpenTask, Rig

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"


def build_smuggle(method: str, headers: str) -> bytes:
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)
    head = f"{method} /seen HTTP/1.1\r\n{headers}Transfer-Encoding: chunked\r\n\r\n"
    return head.encode() + chunked


@pytest.fixture
async def task(rig: "Rig", backend: "Backend") -> "OpenTask":
    return await rig.open(backend.target)


@pytest.mark.parametrize("method", ["DELETE", "OPTIONS"])
async def test_chunked_delete_is_refused(task: "OpenTask", backend: "Backend", method: str) -> None:
    headers = f"Host: {task.authority}\r\nCookie: {task.cookie}\r\n"
    assert (await task.send(build_smuggle(method, headers))).status == 411
    assert backend.requests == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
async def test_chunked_bodies_stay_bodies(
    task: "OpenTask", backend: "Backend", method: str
) -> None:
    headers = f"Host: {task.authority}\r\nCookie: {task.cookie}\r\nConnection: close\r\n"
    answer = await task.send(build_smuggle(method, headers), method)
    assert answer.status == 200
    assert [request.path for request in backend.requests] == ["/seen"]
    assert backend.requests[0].body == HIDDEN


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length : 5\r\n",
    ],
)
async def test_ambiguous_lengths_are_refused(
    task: "OpenTask", backend: "Backend", framing: str
) -> None:
    head = f"POST / HTTP/1.1\r\nHost: {task.authority}\r\nCookie: {task.cookie}\r\n{framing}\r\n"
    assert (await task.send(head.encode() + b"0\r\n\r\n" + HIDDEN)).status == 400
    assert backend.requests == []


async def test_chunked_http_1_0_is_refused(task: "OpenTask", backend: "Backend") -> None:
    head = f"POST / HTTP/1.0\r\nHost: {task.authority}\r\nCookie: {task.cookie}\r\n"
    answer = await task.send(f"{head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode())
    assert answer.status == 400
    assert backend.requests == []


async def test_two_hosts_are_refused(task: "OpenTask", backend: "Backend") -> None:
    answer = await task.fetch("/", {**task.own, "hOST": task.authority})
    assert answer.status == 400
    upgrade = {**task.own, "Origin": task.origin, "hOST": task.authority}
    answer, _, writer = await task.upgrade(upgrade)
    assert answer.status == 400
    writer.close()
    assert backend.requests == []


async def test_trace_is_closed(task: "OpenTask", backend: "Backend") -> None:
    assert (await task.fetch("/", task.own, "TRACE")).status == 405
    assert backend.requests == []


@pytest.mark.parametrize("framing", [{"Content-Length": "5"}, {"Transfer-Encoding": "chunked"}])
async def test_upgrade_with_a_body_is_refused(
    task: "OpenTask", backend: "Backend", framing: dict[str, str]
) -> None:
    answer, _, writer = await task.upgrade({**task.own, "Origin": task.origin, **framing})
    assert answer.status == 400
    assert backend.requests == []
    writer.close()


async def smuggle(command: list[str], backend: "Backend") -> tuple[bytes, list[str]]:
    """The answer to the attack, and the paths that the backend saw until an honest request."""
    proxy = await start_hub_proxy(command, backend)
    try:
        answer = await proxy.exchange(build_smuggle("DELETE", "Host: x\r\n"))
        assert b" 200 " in await proxy.exchange(b"GET /honest HTTP/1.1\r\nHost: x\r\n\r\n")
        trace = await proxy.exchange(b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n")
        hosts = await proxy.exchange(b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n")
        upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\n"
        upgraded = await proxy.exchange(b"GET /ws HTTP/1.1\r\nHost: x\r\n" + upgrade)
        head = answer + trace + hosts + upgraded
        return head, [request.path for request in backend.requests]
    finally:
        proxy.process.terminate()
        await proxy.process.wait()


async def test_stock_hub_proxy_lets_the_hidden_request_through(
    chp: Path, backend: "Backend"
) -> None:
    command = [str(find_node()), str(chp / "bin" / "configurable-http-proxy")]
    proxy = await start_hub_proxy(command, backend)
    try:
        await proxy.exchange(build_smuggle("DELETE", "Host: x\r\n"))
        await proxy.exchange(b"GET /honest HTTP/1.1\r\nHost: x\r\n\r\n")
    finally:
        proxy.process.terminate()
        await proxy.process.wait()
    assert "/hidden" in [request.path for request in backend.requests]


async def test_guarded_hub_proxy_does_not(chp: Path, backend: "Backend") -> None:
    answers, paths = await smuggle(build_proxy_command(find_node(), chp, None, []), backend)
    assert [line.split()[1] for line in answers.split(b"\r\n") if line.startswith(b"HTTP/")] == [
        b"411", b"405", b"400", b"400",
    ]  # fmt: skip
    assert paths == ["/honest"]
