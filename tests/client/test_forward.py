"""`rosetta forward` ends with its task, also while nobody is connected."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rosetta_client import AsyncClient
from rosetta_client.cli.forward import Forward, Forwarder
from rosetta_client.config import Endpoint
from rosetta_client.errors import ConnectionEnded, NotFound
from rosetta_hub.tasks.events import Event
from tests.rights.conftest import Site
from tests.support.eventually import until

from .conftest import report
from .network import Relay

pytestmark = pytest.mark.asyncio(loop_scope="session")


@contextlib.asynccontextmanager
async def forwarding(site: Site, port: int) -> AsyncIterator["asyncio.Task[None]"]:
    """What forwards a port of alice's running task, once it has heard of the task."""
    endpoint = Endpoint(f"http://127.0.0.1:{port}/", "alice")
    async with AsyncClient(endpoint) as client:
        task = await client.get_task(site.ids["tasks"])
    forwarder = Forwarder(endpoint, task)
    before = watchers(site)
    running = asyncio.create_task(forwarder.run([Forward(22, 0)], lambda *_: None))
    try:
        await until(lambda: watchers(site) - before)
        yield running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def watchers(site: Site) -> set[Any]:
    """Who is told of the task's events, those included whose end is not noticed yet."""
    return set(site.parts.tasks.events._queues.get(site.ids["tasks"], ()))


async def test_it_ends_with_its_task(site: Site) -> None:
    async with forwarding(site, site.port) as running:
        report(site, "stopped", "")
        with pytest.raises(ConnectionEnded, match="has ended"):
            await asyncio.wait_for(running, 20)


async def test_it_ends_when_its_task_is_deleted(site: Site) -> None:
    tasks, key = site.parts.tasks, site.ids["tasks"]
    async with forwarding(site, site.port) as running:
        # As a deletion tells it, whose end of the attempt has been missed.
        tasks.events.publish(Event("gone", key, "alice", tasks.find(key).server_name))
        with pytest.raises(NotFound, match="has been deleted"):
            await asyncio.wait_for(running, 20)


async def test_it_goes_on_through_broken_connections(site: Site) -> None:
    async with Relay(site.port).serve() as relay, forwarding(site, relay.port) as running:
        before = relay.connections
        relay.cut_all()
        await until(lambda: relay.connections > before)
        assert not running.done()
        report(site, "failed", "")
        with pytest.raises(ConnectionEnded, match="has ended"):
            await asyncio.wait_for(running, 20)
