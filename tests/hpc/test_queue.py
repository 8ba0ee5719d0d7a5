"""Jobs that wait for somebody: the task's page says for whom."""

import json

import pytest

from tests.e2e.deployment import User

from .hub import Hub
from .steps import begun, check_one_job, is_well, shows, waiting

pytestmark = pytest.mark.usefixtures("leaves_nothing")


async def test_job_is_held(hub: Hub, alice: User) -> None:
    task = await waiting(alice)
    hub.cluster.run("login", ["scontrol", "hold", task["job"]["id"]], "alice")
    result = await shows(alice, task, lambda view: view["message"].startswith("Held."))
    command = f"scontrol release {result['job']['id']}"
    assert command in result["message"] == result["job"]["reason"]
    hub.cluster.run("login", command.split(), "alice")
    hub.cluster.scontrol("update", f"JobId={task['job']['id']}", "Account=physics")
    task = await alice.until(task["id"], "running", "failed")
    await is_well(hub, alice, task)


async def test_job_is_held_by_the_administrators(hub: Hub, alice: User) -> None:
    task = await waiting(alice)
    hub.cluster.scontrol("hold", task["job"]["id"])
    await shows(alice, task, lambda view: "Ask them to release it." in view["message"])
    await alice.api("POST", f"tasks/{task['id']}/stop")
    await alice.until(task["id"], "stopped")
    assert check_one_job(hub, task)["job_state"] == ["CANCELLED"]


async def test_partition_is_closed(hub: Hub, alice: User) -> None:
    """One that is known to be closed takes no task; one that closes lets its tasks wait."""
    document = {"software": "tiny", "computing": "cluster", "partition": "closed"}
    answer = await alice.api("POST", "tasks", document)
    assert answer.code == 422
    assert "`closed`" in json.loads(answer.body)["detail"]
    hub.cluster.scontrol("update", "PartitionName=short", "State=DOWN")
    try:
        task = await begun(alice, partition="short", time="5m")
        await shows(alice, task, lambda view: "`short` is closed" in view["message"])
    finally:
        hub.cluster.scontrol("update", "PartitionName=short", "State=UP")
    task = await alice.until(task["id"], "running", "failed")
    await is_well(hub, alice, task)


async def test_account_has_no_balance(hub: Hub, alice: User) -> None:
    task = await waiting(alice)
    assert task["message"].startswith("Waits because the account `empty` has no balance left")
    assert task["state"] == "queued"
    await is_well(hub, alice, task)
