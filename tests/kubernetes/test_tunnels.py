"""Pods that are entered without the API server: at their own addresses, or because they dial."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from rosetta_hub.tunnels import TunnelsClient, TunnelsConfig
from tests.e2e.deployment import Deployment, User, eventually
from tests.support.certificates import make_certificate
from tests.support.ports import free_port
from tests.support.processes import kill

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
    match = re.search(r"^address=(\S+)$", (cluster.state / "ports").read_text(), re.MULTILINE)
    assert match is not None
    return match[1]


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


async def ask(user: User, kind: str, **options: str) -> dict[str, Any]:
    """A task that is to run there."""
    return await user.start(software=kind, computing=kind, **options)


async def runs(user: User, task: dict[str, Any]) -> dict[str, Any]:
    """The task, as soon as it runs."""
    task = await user.until(task["id"], "running", "failed", "stopped", seconds=150)
    assert task["state"] == "running", (task["message"], task["log_tail"])
    return task


async def start(user: User, kind: str, **options: str) -> dict[str, Any]:
    """A task that runs there."""
    return await runs(user, await ask(user, kind, **options))


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


async def all_are_entered(user: User, *tasks: dict[str, Any]) -> None:
    """Each of the tasks runs, and is reached."""
    for task in tasks:
        await is_entered(user, await runs(user, task))


@pytest.mark.parametrize("part", ["apiserver", "etcd", "kubelet-node1"])
async def test_a_part_is_killed_while_tasks_start_and_run(
    alice: User, cluster: KubernetesCluster, kind: str, part: str
) -> None:
    running = await start(alice, kind, partition="node1")
    starting = await ask(alice, kind, partition="node1")
    await asyncio.to_thread(cluster.run, "kill", part)
    try:
        waiting = await ask(alice, kind, partition="node1")
        # The bytes of tasks pass none of them.
        await is_entered(alice, running)
    finally:
        await asyncio.to_thread(cluster.run, "start", part)
    await all_are_entered(alice, running, starting, waiting)
    # Nothing is lost, and nothing is there twice.
    assert len(await cluster.pods()) == 3


@pytest.mark.parametrize("process", ["service", "tunnels", "edge"])
async def test_a_process_of_the_hub_is_killed_while_tasks_start_and_run(
    alice: User, cluster: KubernetesCluster, hub: Deployment, kind: str, process: str
) -> None:
    running = await start(alice, kind)
    starting = await ask(alice, kind)
    client = TunnelsClient(TunnelsConfig(hub.state_dir).socket)
    pids = {
        "service": hub.service_pid(),
        "tunnels": (await client.status()).pid,
        "edge": hub.edge_pid(),
    }
    pid = pids[process]
    assert pid
    kill([pid])
    await hub.answers()
    await all_are_entered(alice, running, starting)
    assert len(await cluster.pods()) == 2
