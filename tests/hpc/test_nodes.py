"""A node fails, is taken for something else, has the wrong time, or is cut off."""

import pytest

from tests.e2e.deployment import User
from tests.support.cluster_faults import (
    clock_skewed,
    cut_off,
    directory_covered,
    machine_off,
    node_taken,
)

from .hub import Hub, check_works
from .steps import begin_now, begun, check_one_job, is_well, running, shows

pytestmark = [pytest.mark.usefixtures("leaves_nothing"), pytest.mark.timeout(240)]

SILENT = "The task has not been heard of since"
FEATURES = {"node1": "intel", "node2": "amd"}


async def test_node_is_powered_off(hub: Hub, alice: User) -> None:
    """The same job begins again on the other node, unless it must not: then it says why."""
    task = await running(alice)
    task = await shows(alice, task, lambda view: view["job"]["node"])
    node = task["job"]["node"]
    last = await running(alice, constraint=FEATURES[node])
    hub.cluster.scontrol("update", f"JobId={last['job']['id']}", "Requeue=0")
    with machine_off(hub.cluster, node):
        for first in (task, last):
            await shows(alice, first, lambda view: SILENT in (view["condition"] or ""))
        ended = await alice.until(last["id"], "failed")
        assert ended["message"] == (
            "A node of Cluster failed, and the job with it. Start the task again."
        )
        await begin_now(hub, alice, task)
        second = await shows(
            alice, task, lambda view: view["state"] == "running" and view["job"]["node"] != node
        )
        await check_works(alice, second)
    await is_well(hub, alice, task)
    check_one_job(hub, last)


async def test_job_is_preempted(hub: Hub, alice: User) -> None:
    task = await running(alice, partition="low", constraint="intel")
    with node_taken(hub.cluster, "node1"):
        queued = await shows(alice, task, lambda view: view["state"] == "queued")
        assert queued["message"] == queued["job"]["reason"]
        assert queued["job"]["id"] == task["job"]["id"]
        assert queued["open_url"] is None
        await begin_now(hub, alice, task)
        await shows(alice, task, lambda view: view["message"].startswith("Waits for 1 free core"))
    task = await alice.until(task["id"], "running", "failed")
    await check_works(alice, task)
    await is_well(hub, alice, task)


async def test_clock_of_the_node_is_off(hub: Hub, alice: User) -> None:
    """Times are the service's and the scheduler's; the page says that the node's is wrong."""
    await hub.member("alice", "skewed")
    with clock_skewed(hub.cluster, "node1", "+1h"):
        task = await running(alice, computing="skewed", constraint="intel")
        warned = await shows(alice, task, lambda view: view["warnings"])
        assert any("clock" in warning for warning in warned["warnings"])
        assert not any("time limit" in warning for warning in warned["warnings"])
        await check_works(alice, task)
        await is_well(hub, alice, task)


@pytest.mark.parametrize("computing", ["cluster", "dialling"])
async def test_node_is_cut_off_from_the_hub(hub: Hub, alice: User, computing: str) -> None:
    """The task goes on; over SSH, it can be used meanwhile, and otherwise afterwards."""
    task = await running(alice, computing=computing, constraint="intel")
    await check_works(alice, task)
    with cut_off(hub.cluster, "node1"):
        silent = await shows(alice, task, lambda view: SILENT in (view["condition"] or ""))
        assert silent["state"] == "running"
        if computing == "cluster":
            await check_works(alice, task)
    await is_well(hub, alice, task)
    await check_works(alice, task)


async def test_shared_home_lags(hub: Hub, alice: User) -> None:
    """The node does not see what the login node does: nothing of a task goes that way."""
    with directory_covered(hub.cluster, "node1", "/home/alice"):
        task = await begun(alice, computing="homes", constraint="intel")
        task = await alice.until(task["id"], "running", "failed")
        await check_works(alice, task)
        await is_well(hub, alice, task)
        await alice.api("POST", f"tasks/{task['id']}/stop")
        assert (await alice.until(task["id"], "stopped", "failed"))["state"] == "stopped"
