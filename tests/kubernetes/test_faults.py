"""What goes wrong on a cluster, and what users are told."""

import asyncio
from typing import Any

import pytest

from tests.e2e.deployment import Deployment, User, eventually

from .cluster import NAMESPACE, PODS, KubernetesCluster
from .test_life import all_run, start

pytestmark = pytest.mark.timeout(300)
QUOTAS = f"/api/v1/namespaces/{NAMESPACE}/resourcequotas"

FAILURES = [
    ("failing", "ended with exit code 3 before its interface answered"),
    ("missing", "can't be reached"),
    ("silent", "did not open its port 9999 within 2 seconds"),
]


@pytest.mark.any_cluster
@pytest.mark.parametrize(("software", "text"), FAILURES)
async def test_a_task_that_can_not_run_says_why(alice: User, software: str, text: str) -> None:
    task = await start(alice, software)
    assert task["state"] == "failed"
    assert text in task["message"]
    if software == "failing":
        assert task["exit_code"] == 3
        assert "failing as asked" in "\n".join(task["log_tail"])


@pytest.mark.any_cluster
async def test_a_task_that_takes_too_much_memory(alice: User) -> None:
    task = await start(alice)
    opened = await alice.enter(task)
    await opened.get("/take")
    ended = await alice.until(task["id"], "failed", "stopped", seconds=60)
    assert ended["state"] == "failed"
    assert "needed more than its memory" in ended["message"]


async def waits_with(user: User, task_id: str, text: str, seconds: float = 60) -> None:
    """The page of a task that is not over says so."""

    async def says() -> bool:
        task = await user.task(task_id)
        assert task is not None
        return text in f"{task['message']} {task['condition']}"

    await eventually(says, f"the page says {text!r}", seconds)


async def test_a_pod_that_fits_nowhere_waits_and_says_why(alice: User) -> None:
    task = await alice.start(software="web", computing="cloud", partition="nowhere")
    await waits_with(alice, task["id"], "Of 2, 2 are of another kind")
    await alice.api("POST", f"tasks/{task['id']}/stop")
    await alice.until(task["id"], "stopped", seconds=60)


async def test_a_quota_holds_tasks_back_until_there_is_room(
    alice: User, cluster: KubernetesCluster
) -> None:
    quota: dict[str, Any] = {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "0"}}}
    async with cluster.having(QUOTAS, quota):
        task = await alice.start(software="web", computing="cloud")
        await waits_with(alice, task["id"], "0 of 0 tasks are in use")
    task = await alice.until(task["id"], "running", "failed", seconds=120)
    assert task["state"] == "running", task["message"]


async def test_a_task_that_writes_too_much(alice: User) -> None:
    task = await start(alice, computing="small")
    opened = await alice.enter(task)
    assert (await opened.get("/write?count=60000000")).body == b""
    ended = await alice.until(task["id"], "failed", "stopped", seconds=120)
    assert ended["state"] == "failed"
    assert "wrote more to the disk of its node than it may" in ended["message"]


async def test_a_task_that_is_out_of_time(alice: User) -> None:
    task = await start(alice, time="25s")
    ended = await alice.until(task["id"], "failed", "stopped", seconds=120)
    assert ended["state"] == "failed"
    assert "reached its time limit" in ended["message"]


async def test_a_namespace_that_allows_less(alice: User, cluster: KubernetesCluster) -> None:
    most = {"type": "Container", "max": {"cpu": "50m"}}
    limits = {"metadata": {"name": "small"}, "spec": {"limits": [most]}}
    async with cluster.having(f"/api/v1/namespaces/{NAMESPACE}/limitranges", limits):
        task = await start(alice)
    assert task["state"] == "failed"
    assert "maximum cpu usage per Container is 50m" in task["message"]


@pytest.mark.any_cluster
async def test_a_pod_that_somebody_deletes_ends_its_task(
    alice: User, cluster: KubernetesCluster
) -> None:
    task = await start(alice)
    (pod,) = await cluster.pods()
    await cluster.admin.call("DELETE", f"{PODS}/{pod['metadata']['name']}", {})
    ended = await alice.until(task["id"], "failed", "stopped", seconds=90)
    assert ended["state"] == "failed"
    assert "was cancelled" in ended["message"]


async def test_the_api_server_restarts_while_tasks_start_and_run(
    alice: User, cluster: KubernetesCluster
) -> None:
    running = await start(alice)
    await asyncio.to_thread(cluster.run, "stop", "apiserver")
    try:
        starting = await alice.start(software="web", computing="cloud")
        await waits_with(alice, running["id"], "can't be reached")
    finally:
        await asyncio.to_thread(cluster.run, "start", "apiserver")
    await all_run(alice, running["id"], starting["id"])
    assert len(await cluster.pods()) == 2


@pytest.mark.any_cluster
async def test_the_service_restarts_while_a_task_runs(
    alice: User, hub: Deployment, cluster: KubernetesCluster
) -> None:
    task = await start(alice)
    hub.kill_service()
    await hub.answers()
    result = await alice.until(task["id"], "running", "failed", "stopped")
    assert result["state"] == "running"
    opened = await alice.enter(result)
    assert (await opened.get("/")).code == 200
    assert len(await cluster.pods()) == 1
