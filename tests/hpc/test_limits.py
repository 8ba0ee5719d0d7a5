"""What a task has used up: time, memory, the disk of its node, its user's quota."""

import re

import pytest

from tests.e2e.deployment import User
from tests.support.cluster_faults import disk_full, home_over_quota

from .hub import Hub, check_works
from .steps import begun, check_one_job, is_well, running, shows

pytestmark = [pytest.mark.usefixtures("leaves_nothing"), pytest.mark.timeout(240)]


async def test_time_and_memory(hub: Hub, alice: User) -> None:
    """The page warns before the time limit, and says afterwards which limit it was."""
    short, greedy = await running(alice, time="1m"), await begun(alice, software="greedy")
    warned = await shows(alice, short, lambda view: view["warnings"] and view["job"]["ends_at"])
    assert "The job will soon reach its time limit: save your work." in warned["warnings"]
    ended = await alice.until(greedy["id"], "failed", "stopped")
    assert ended["state"] == "failed"
    assert ended["message"] == (
        "The task needed more than its memory (512 MB) and was ended."
        " Start it again with more memory."
    )
    check_one_job(hub, greedy)
    ended = await alice.until(short["id"], "failed", "stopped", seconds=150)
    assert ended["state"] == "failed"
    assert ended["message"] == (
        "The job reached its time limit on Cluster. Start the task again with more time."
    )
    check_one_job(hub, short)


async def test_disk_of_the_node_is_full(hub: Hub, alice: User) -> None:
    """What runs goes on, and can be stopped; what is new says why it can't."""
    task = await running(alice, constraint="intel")
    assert task["job"]["node"] in ("node1", None)
    with disk_full(hub.cluster, "node1", "/tmp"):
        new = await begun(alice, constraint="intel")
        ended = await alice.until(new["id"], "failed", "running")
        assert ended["state"] == "failed"
        # The node is named where the scheduler has told it by then.
        assert re.match(r"The disk of (node1 \(Cluster\)|Cluster) is full\.", ended["message"])
        check_one_job(hub, new)
        await check_works(alice, task)
        await is_well(hub, alice, task)
        await alice.api("POST", f"tasks/{task['id']}/stop")
        assert (await alice.until(task["id"], "stopped", "failed"))["state"] == "stopped"


async def test_home_is_over_quota(hub: Hub, alice: User) -> None:
    """Where the sandboxes are in the home."""
    task = await running(alice, computing="homes")
    with home_over_quota(hub.cluster, "alice"):
        new = await begun(alice, computing="homes")
        ended = await alice.until(new["id"], "failed", "running")
        assert ended["state"] == "failed"
        assert ended["message"] == "Your quota on Homes is used up. Free some space there."
        check_one_job(hub, new)
        await check_works(alice, task)
        await is_well(hub, alice, task)
        await alice.api("POST", f"tasks/{task['id']}/stop")
        assert (await alice.until(task["id"], "stopped", "failed"))["state"] == "stopped"
