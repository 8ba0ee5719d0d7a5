"""Nodes that are lost, drained and closed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.e2e.deployment import User, eventually

from .cluster import PODS, KubernetesCluster
from .test_faults import waits_with
from .test_life import answers, start

pytestmark = pytest.mark.timeout(400)
SILENT = "has not been heard of since"


@pytest.fixture(autouse=True)
async def node2(cluster: KubernetesCluster) -> AsyncIterator[str]:
    """The node that these tests take away; afterwards it is there again."""
    yield "node2"

    async def is_ready() -> bool:
        return await cluster.node_is_ready("node2")

    await eventually(is_ready, "node2 is ready", 90)


async def is_silent(user: User, task_id: str, silent: bool) -> None:
    async def says() -> bool:
        task = await user.task(task_id)
        assert task is not None
        assert task["state"] == "running", task["message"]
        return (SILENT in (task["condition"] or "")) is silent

    await eventually(says, f"nothing is heard of the task: {silent}", 90)


async def test_a_node_is_lost_and_comes_back(alice: User, cluster: KubernetesCluster) -> None:
    task = await start(alice, partition="node2")
    stopped = await start(alice, partition="node2")
    uids = {pod["metadata"]["uid"] for pod in await cluster.pods()}
    with cluster.without("network-node2"):
        await is_silent(alice, task["id"], True)
        await alice.api("POST", f"tasks/{stopped['id']}/stop")
        # Nobody knows whether its pod still runs.
        assert (await alice.task(stopped["id"]) or {})["state"] == "stopping"
    await is_silent(alice, task["id"], False)
    await alice.until(stopped["id"], "stopped", seconds=90)
    await answers(alice, task)
    (pod,) = await cluster.pods()
    assert pod["metadata"]["uid"] in uids


async def test_a_node_is_lost_for_good(alice: User, cluster: KubernetesCluster) -> None:
    task = await start(alice, partition="node2")
    with cluster.without("network-node2"):
        await is_silent(alice, task["id"], True)
        # As who knows that the machine is gone.
        await cluster.admin.call("DELETE", "/api/v1/nodes/node2", {})
        ended = await alice.until(task["id"], "failed", "stopped", seconds=150)
        assert ended["state"] == "failed"
        assert "failed, and the job with it" in ended["message"]
    # A kubelet makes its node when it starts.
    await asyncio.to_thread(cluster.run, "stop", "kubelet-node2")
    await asyncio.to_thread(cluster.run, "start", "kubelet-node2")


async def test_a_pod_is_evicted_by_who_drains_its_node(
    alice: User, cluster: KubernetesCluster
) -> None:
    """Servers from 1.26 on say why; older ones tell only that somebody deleted the pod."""
    task = await start(alice, partition="node2")
    (pod,) = await cluster.pods()
    name = pod["metadata"]["name"]
    eviction: dict[str, Any] = {
        "apiVersion": "policy/v1beta1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": pod["metadata"]["namespace"]},
    }
    await cluster.admin.call("POST", f"{PODS}/{name}/eviction", eviction)
    ended = await alice.until(task["id"], "failed", "stopped", seconds=90)
    assert ended["state"] == "failed"
    assert "was cancelled" in ended["message"]


async def test_a_taint_drives_pods_from_a_node(alice: User, cluster: KubernetesCluster) -> None:
    task = await start(alice, partition="node2")
    taint = {"key": "example.org/broken", "effect": "NoExecute"}
    await cluster.change_node("node2", taints=[taint])
    try:
        ended = await alice.until(task["id"], "failed", "stopped", seconds=90)
    finally:
        await cluster.change_node("node2", taints=[])
    assert ended["state"] == "failed"
    assert "A node of The cloud failed" in ended["message"]


async def test_a_closed_node_is_waited_for(alice: User, cluster: KubernetesCluster) -> None:
    await cluster.change_node("node2", unschedulable=True)
    try:
        task = await alice.start(software="web", computing="cloud", partition="node2")
        await waits_with(alice, task["id"], "is closed for maintenance")
    finally:
        await cluster.change_node("node2", unschedulable=False)
    task = await alice.until(task["id"], "running", "failed", seconds=120)
    assert task["state"] == "running", task["message"]
