"""Parts of a cluster that die while tasks start and run: nothing is lost, nothing is doubled."""

import asyncio

import pytest

from tests.e2e.deployment import Deployment, User

from .cluster import KubernetesCluster
from .test_life import all_run, outlive_a_kill, start

pytestmark = pytest.mark.timeout(400)

PARTS = ["apiserver", "etcd", "controllers", "scheduler", "containerd-node1", "kubelet-node1"]


@pytest.mark.parametrize("part", PARTS)
async def test_a_part_is_killed_while_tasks_start_and_run(
    alice: User, cluster: KubernetesCluster, part: str
) -> None:
    await outlive_a_kill(alice, cluster, part, partition="node1")


async def test_the_service_is_killed_while_tasks_start_and_run(
    alice: User, hub: Deployment, cluster: KubernetesCluster
) -> None:
    running = await start(alice)
    starting = await alice.start(software="web", computing="cloud")
    hub.kill_service()
    await hub.answers()
    await all_run(alice, running["id"], starting["id"])
    assert len(await cluster.pods()) == 2


async def test_the_api_server_restarts_with_fifty_tasks_that_wait_and_twenty_that_run(
    alice: User, cluster: KubernetesCluster
) -> None:
    waiting = [
        await alice.start(software="web", computing="cloud", partition="nowhere") for _ in range(50)
    ]
    running = [await alice.start(software="web", computing="cloud") for _ in range(20)]
    for task in running:
        await alice.until(task["id"], "running", "failed", seconds=200)
    uids = {pod["metadata"]["uid"] for pod in await cluster.pods()}
    await asyncio.to_thread(cluster.run, "kill", "apiserver")
    await asyncio.to_thread(cluster.run, "start", "apiserver")
    await all_run(alice, *(task["id"] for task in running))
    for task in waiting:
        result = await alice.task(task["id"])
        assert result is not None
        assert result["state"] == "queued"
    assert {pod["metadata"]["uid"] for pod in await cluster.pods()} == uids
    assert len(uids) == 70
