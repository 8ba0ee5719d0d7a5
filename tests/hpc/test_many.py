"""All processes of the hub are killed while many tasks wait and run."""

import asyncio
import json
import os
import signal
from typing import Any

import pytest

from rosetta_hub.edge.client import EdgeClient
from rosetta_hub.tunnels.client import TunnelsClient
from tests.e2e.deployment import Deployment, User, eventually

from .hub import Hub, check_works
from .steps import begun, shows

pytestmark = [pytest.mark.usefixtures("leaves_nothing"), pytest.mark.timeout(600)]

QUEUED = 50
RUNNING = ["cluster"] * 16 + ["dialling"] * 4


async def test_everything_is_killed(hub: Hub, alice: User) -> None:
    """Nothing is lost, nothing is submitted twice, and every task can be opened again."""
    queued, running = await start_all(alice)
    opened = await alice.enter(running[0])
    before = jobs_of(hub, queued + running)
    await kill_everything(hub.deployment)
    await hub.deployment.start()
    await is_as_before(alice, queued + running)
    for task in running:
        await check_works(alice, task)
    assert (await opened.get("/")).code == 200
    hub.cluster.scontrol("update", f"JobId={queued[0]['job']['id']}", "Account=physics")
    await alice.until(queued[0]["id"], "running")
    assert jobs_of(hub, queued + running) == before


def jobs_of(hub: Hub, tasks: list[dict[str, Any]]) -> dict[Any, str]:
    """The jobs of tasks by their ids; Slurm may forget those of other tests meanwhile."""
    ids = {task["id"] for task in tasks}
    jobs = {job["job_id"]: str(job["name"]) for job in hub.cluster.jobs()}
    return {number: name for number, name in jobs.items() if ids & set(name.split("-"))}


async def start_all(user: User) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The tasks that wait, and those that run, once they do."""
    waiting = [await begun(user, account="empty") for _ in range(QUEUED)]
    running = [await begun(user, computing=computing) for computing in RUNNING]
    return (
        await asyncio.gather(*(shows(user, item, _waits, 120) for item in waiting)),
        await asyncio.gather(*(user.until(item["id"], "running", seconds=120) for item in running)),
    )


async def is_as_before(user: User, tasks: list[dict[str, Any]]) -> None:
    """Wait until each task is what it was; all are asked for in one question."""
    values = ("id", "state", "attempt", "message", "condition")
    expected = {task["id"]: tuple(task[key] for key in values) for task in tasks}
    wrong: Any = None

    async def probe() -> bool:
        nonlocal wrong
        response = await user.api("GET", "tasks")
        if response.code != 200:
            wrong = response.code
            return False
        listed = json.loads(response.body)["tasks"]
        now = {item["id"]: tuple(item[key] for key in values) for item in listed}
        wrong = [now.get(key) for key in expected if now.get(key) != expected[key]]
        return not wrong

    try:
        await eventually(probe, "all tasks are as before")
    except TimeoutError:
        raise TimeoutError(f"not as before: {wrong}") from None


async def kill_everything(deployment: Deployment) -> None:
    """Hub, its proxy, service, edge and tunnels, all at once and without a word."""
    edge = await EdgeClient(deployment.state_dir / "edge.sock").status()
    tunnels = await TunnelsClient(deployment.state_dir / "tunnels.sock").status()
    # The service before the hub, with which it ends.
    deployment.kill_service()
    deployment.kill_hub()
    deployment.kill_proxy()
    for pid in (edge.pid, tunnels.pid):
        os.kill(pid, signal.SIGKILL)


def _waits(task: dict[str, Any]) -> bool:
    return task["job"] is not None and "no balance left" in task["message"]
