"""From the form to inside of a pod, and every way out of it."""

import asyncio
import os
from typing import Any

import pytest

from tests.e2e.deployment import User, eventually

from .cluster import KubernetesCluster

pytestmark = pytest.mark.timeout(240)


async def start(user: User, software: str = "web", **options: Any) -> dict[str, Any]:
    """A task on the cluster, as soon as it runs or has failed."""
    task = await user.start(**{"software": software, "computing": "cloud", **options})
    return await user.until(task["id"], "running", "failed", seconds=120)


async def answers(user: User, task: dict[str, Any]) -> None:
    """Its software answers; what leads there may have been away a moment before."""
    opened = await user.enter(task)

    async def probe() -> bool:
        return (await opened.get("/")).code == 200

    await eventually(probe, f"{task['id']} answers", 60)


async def all_run(user: User, *tasks: str) -> None:
    """Each of the tasks runs, and answers."""
    for task_id in tasks:
        task = await user.until(task_id, "running", "failed", "stopped", seconds=150)
        assert task["state"] == "running", (task["message"], task["log_tail"])
        await answers(user, task)


async def outlive_a_kill(user: User, cluster: KubernetesCluster, part: str, **options: Any) -> None:
    """Tasks that run, that start, and that are asked for while a part of the cluster is dead."""
    running = await start(user, **options)
    starting = await user.start(software="web", computing="cloud", **options)
    await asyncio.to_thread(cluster.run, "kill", part)
    try:
        waiting = await user.start(software="web", computing="cloud", **options)
    finally:
        await asyncio.to_thread(cluster.run, "start", part)
    # Nothing is lost, and nothing is there twice.
    await all_run(user, running["id"], starting["id"], waiting["id"])
    assert len(await cluster.pods()) == 3


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="anywhere", marks=pytest.mark.any_cluster),
        pytest.param({"partition": "node1"}, id="node1"),
        pytest.param({"partition": "node2"}, id="node2"),
    ],
)
async def test_a_pod_is_started_used_and_stopped(
    alice: User, cluster: KubernetesCluster, options: dict[str, str]
) -> None:
    task = await start(alice, **options)
    assert task["state"] == "running", (task["message"], task["log_tail"])
    opened = await alice.enter(task)
    answer = await opened.get("/")
    assert (answer.code, answer.body) == (200, b"Hello from a pod\n")
    environment = (await opened.get("/environment")).body.decode().splitlines()
    assert "GREETING=hello" in environment
    answer = await opened.get("/bytes?count=20000000")
    assert len(answer.body) == 20_000_000
    (pod,) = await cluster.pods()
    assert pod["metadata"]["name"].endswith(f"-{task['id']}-1")
    assert pod["spec"]["nodeName"] == options.get("partition", pod["spec"]["nodeName"])
    # No account of the cluster is mounted.
    assert not pod["spec"].get("volumes")
    limits = pod["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"cpu": "100m", "memory": str(64 << 20)}
    await alice.api("POST", f"tasks/{task['id']}/stop")
    stopped = await alice.until(task["id"], "stopped", "failed", seconds=60)
    assert stopped["state"] == "stopped"
    assert "serving on 8888" in "\n".join(stopped["log_tail"])


# What a program sees as its kernel; that of gVisor is a fixed version.
RUNTIMES = {"second": f"Linux version {os.uname().release}", "gvisor": "Linux version 4.4.0"}


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_another_runtime_is_that_of_its_class(
    alice: User, cluster: KubernetesCluster, runtime: str
) -> None:
    task = await start(alice, runtime=runtime)
    assert task["state"] == "running", task["message"]
    (pod,) = await cluster.pods()
    assert pod["spec"]["runtimeClassName"] == runtime
    opened = await alice.enter(task)
    assert (await opened.get("/kernel")).body.decode().startswith(RUNTIMES[runtime])
    await alice.api("POST", f"tasks/{task['id']}/stop")
    await alice.until(task["id"], "stopped", seconds=60)


@pytest.mark.any_cluster
async def test_ends_are_told_apart(alice: User) -> None:
    task = await start(alice)
    opened = await alice.enter(task)
    # It dies while it answers.
    assert (await opened.get("/exit?code=7")).code >= 500
    ended = await alice.until(task["id"], "failed", "stopped", seconds=60)
    assert (ended["state"], ended["exit_code"]) == ("failed", 7)
    assert "asked to exit" in "\n".join(ended["log_tail"])
