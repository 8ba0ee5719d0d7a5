"""Stop while the image is on its way: nobody waits for the node, which may look at nothing else."""

import asyncio
import functools
import shutil
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from tests.e2e.deployment import Deployment, eventually
from tests.support.certificates import make_certificate

from .cluster import KubernetesCluster
from .conftest import computing_of

pytestmark = pytest.mark.timeout(300)


@dataclass
class SlowRegistry:
    """A registry that takes requests and does not answer them; `open` are those."""

    host: str
    is_over: asyncio.Event = field(default_factory=asyncio.Event)
    open: int = 0


class _Wait(RequestHandler):
    """Answers when the test is over."""

    def initialize(self, registry: SlowRegistry) -> None:
        self._registry = registry

    async def get(self) -> None:
        self._registry.open += 1
        await self._registry.is_over.wait()

    head = get

    def on_connection_close(self) -> None:
        self._registry.open -= 1


@pytest_asyncio.fixture(loop_scope="session")
async def registry(cluster: KubernetesCluster, tmp_path: Path) -> AsyncIterator[SlowRegistry]:
    """The registry, whose certificate the nodes trust."""
    address = cluster.ports["machine"]
    certificate, key = make_certificate(tmp_path, address)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    socket, port = bind_unused_port(address=address)
    result = SlowRegistry(f"{address}:{port}")
    handlers: list[Any] = [(".*", _Wait, {"registry": result})]
    server = HTTPServer(Application(handlers), ssl_options=tls)
    server.add_socket(socket)
    with cluster.trusting(result.host, certificate):
        yield result
    result.is_over.set()
    server.stop()
    await server.close_all_connections()


@pytest_asyncio.fixture(loop_scope="session")
async def hub(
    cluster: KubernetesCluster, registry: SlowRegistry, tmp_path: Path
) -> AsyncIterator[Deployment]:
    """A hub with software of that registry."""
    image = {"registry": registry.host, "image_name": "slow", "image_tag": "1"}
    software = [{"id": "slow", "name": "Slow", **image}]
    deployment = Deployment(tmp_path / "hub", software, computing_of(cluster))
    try:
        await deployment.start()
        yield deployment
    finally:
        registry.is_over.set()
        await deployment.stop()
    await asyncio.to_thread(shutil.rmtree, tmp_path / "hub")


@pytest.mark.asyncio(loop_scope="session")
async def test_a_task_stops_while_its_image_is_on_its_way(
    hub: Deployment, registry: SlowRegistry, cluster: KubernetesCluster
) -> None:
    alice = await hub.user("alice")
    task = await alice.start(software="slow", computing="cloud", partition="node1")

    async def is_asked() -> bool:
        return registry.open > 0

    await eventually(is_asked, "the node asks the registry", 60)
    with cluster.without("kubelet-node1"):
        await alice.api("POST", f"tasks/{task['id']}/stop")
        await alice.until(task["id"], "stopped", seconds=60)
        assert await cluster.pods() == []
    # It cleans up by itself, and starts nothing when the image is there.
    await eventually(functools.partial(cluster.node_is_ready, "node1"), "the node is back", 60)
    assert await cluster.pods() == []
