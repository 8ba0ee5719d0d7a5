"""The hub's proxy does not serve the hub under the host name of the tasks."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rosetta_hub.edge import HubAddresses
from rosetta_hub.edge.process import build_proxy_command, find_node
from tests.edge.hub_proxy import HubProxy, start_hub_proxy

if TYPE_CHECKING:
    from tests.edge.conftest import Backend

HUB = "https://hub.example.org"


async def start(chp: Path, backend: "Backend", tasks_host: str) -> AsyncIterator[HubProxy]:
    command = build_proxy_command(find_node(), chp, HubAddresses(HUB, tasks_host), [])
    proxy = await start_hub_proxy(command, backend)
    yield proxy
    proxy.process.terminate()
    await proxy.process.wait()


@pytest.fixture
async def proxy(chp: Path, backend: "Backend") -> AsyncIterator[HubProxy]:
    async for item in start(chp, backend, "tasks.example.org"):
        yield item


@pytest.fixture
async def star_proxy(chp: Path, backend: "Backend") -> AsyncIterator[HubProxy]:
    async for item in start(chp, backend, "*.tasks.example.org"):
        yield item


async def ask(proxy: HubProxy, host: str, *headers: str, method: str = "GET") -> bytes:
    lines = [f"{method} /hub/login?next=%2F HTTP/1.1", f"Host: {host}", *headers, "", ""]
    return await proxy.exchange("\r\n".join(lines).encode())


TASKS_HOSTS = ["tasks.example.org", "tasks.example.org:8000", "TASKS.example.org.:8000"]
OTHER_HOSTS = ["hub.example.org", "10.0.0.1:8000", "xtasks.example.org", "[::1]:8000"]


async def test_users_are_sent_to_the_hub(proxy: HubProxy, backend: "Backend") -> None:
    for host in TASKS_HOSTS:
        answer = await ask(proxy, host, "Accept: text/html")
        assert answer.startswith(b"HTTP/1.1 302 "), host
        assert b"\r\nLocation: https://hub.example.org/hub/login?next=%2F\r\n" in answer
    assert backend.requests == []


async def test_other_requests_are_refused(proxy: HubProxy, backend: "Backend") -> None:
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Accept: */*")
    for host in TASKS_HOSTS:
        for headers, method in [((), "GET"), (("Accept: text/html",), "POST"), (upgrade, "GET")]:
            answer = await ask(proxy, host, *headers, method=method)
            assert answer.startswith(b"HTTP/1.1 421 "), (host, headers)
    assert backend.requests == []


async def test_all_other_names_are_served(proxy: HubProxy, backend: "Backend") -> None:
    """Load balancers ask by address, agents under a name of their own."""
    for host in [*OTHER_HOSTS, "x.tasks.example.org"]:
        assert (await ask(proxy, host, "Accept: text/html")).startswith(b"HTTP/1.1 200 "), host


async def test_host_names_of_all_tasks_are_refused(
    star_proxy: HubProxy, backend: "Backend"
) -> None:
    for host in [*TASKS_HOSTS, "0123456789ab.tasks.example.org:8000", "a.b.tasks.example.org"]:
        assert (await ask(star_proxy, host)).startswith(b"HTTP/1.1 421 "), host
    assert backend.requests == []
    for host in OTHER_HOSTS:
        assert (await ask(star_proxy, host)).startswith(b"HTTP/1.1 200 "), host
