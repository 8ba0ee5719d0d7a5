"""Pods that are entered without the API server: at their own addresses, or because they dial."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.deployment import Deployment, User, eventually
from tests.support.certificates import make_certificate
from tests.support.ports import free_port

from .cluster import KubernetesCluster
from .conftest import WEB, computing_of

pytestmark = pytest.mark.timeout(300)
# Of the base containers: one that has a Python.
AGENT_IMAGE = "rosetta/desktop:0.1.0"
SOFTWARE: list[dict[str, Any]] = [
    {"id": "pod", "name": "On all addresses", "environment": {"HOST": "0.0.0.0"}, **WEB},
    {"id": "reverse", "name": "On the loopback address", **WEB},
]


def resources(cluster: KubernetesCluster) -> list[dict[str, Any]]:
    """The cluster twice, one for each kind of tunnel."""
    (cloud,) = computing_of(cluster)
    more: dict[str, dict[str, Any]] = {"pod": {}, "reverse": {"agent_image": AGENT_IMAGE}}
    return [
        {**cloud, "id": kind, "name": kind, "conf": {**cloud["conf"], "tunnel": kind, **keys}}
        for kind, keys in more.items()
    ]


def machine_address(cluster: KubernetesCluster) -> str:
    """The address of this machine that pods can reach."""
    found = re.search(r"^address=(\S+)$", (cluster.state / "ports").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hub(
    cluster: KubernetesCluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Deployment]:
    """A hub in the network of the cluster, which pods dial over TLS."""
    folder = tmp_path_factory.mktemp("hub")
    await asyncio.to_thread(cluster.run, "image", AGENT_IMAGE)
    address = machine_address(cluster)
    certificate, key = make_certificate(folder, address)
    extra = f"""
c.Rosetta.tunnels_url = "https://{address}:{free_port()}"
c.Rosetta.tls_cert, c.Rosetta.tls_key = {str(certificate)!r}, {str(key)!r}
c.Rosetta.agents_ca = {str(certificate)!r}
"""
    deployment = Deployment(folder, SOFTWARE, resources(cluster), extra=extra, ports=20)
    try:
        await deployment.start()
        yield deployment
    finally:
        await deployment.stop()


@pytest.fixture(params=["pod", "reverse"])
def kind(request: pytest.FixtureRequest) -> str:
    """The key `tunnel` of the resource."""
    return str(request.param)


async def start(user: User, kind: str) -> dict[str, Any]:
    """A task that runs there."""
    task = await user.start(software=kind, computing=kind)
    task = await user.until(task["id"], "running", "failed", seconds=120)
    assert task["state"] == "running", (task["message"], task["log_tail"])
    return task


async def is_entered(user: User, task: dict[str, Any]) -> None:
    opened = await user.enter(task)

    async def answers() -> bool:
        answer = await opened.get("/")
        return (answer.code, answer.body) == (200, b"Hello from a pod\n")

    await eventually(answers, "the task answers", 60)


async def test_a_pod_is_started_used_and_stopped(alice: User, kind: str) -> None:
    task = await start(alice, kind)
    assert "Other users" in " ".join(task["warnings"])
    await is_entered(alice, task)
    opened = await alice.enter(task)
    answer = await opened.get("/bytes?count=20000000")
    assert len(answer.body) == 20_000_000
    await alice.api("POST", f"tasks/{task['id']}/stop")
    stopped = await alice.until(task["id"], "stopped", "failed", seconds=60)
    assert stopped["state"] == "stopped"


async def test_a_task_is_over_when_its_software_has_ended(alice: User, kind: str) -> None:
    task = await start(alice, kind)
    opened = await alice.enter(task)
    assert (await opened.get("/exit?code=7")).code >= 500
    ended = await alice.until(task["id"], "failed", "stopped", seconds=60)
    assert (ended["state"], ended["exit_code"]) == ("failed", 7)
