"""What another account of the cluster learns of a task on the same node: nothing."""

from typing import Any

import pytest

from tests.e2e.deployment import User
from tests.support.cluster import Cluster

from .hub import Hub, check_works
from .spying import secrets_of, spy

# What the container says to whoever reaches it.
GREETING = "hello from"


async def running(user: User, computing: str) -> dict[str, Any]:
    """A running task of the cluster."""
    options = {"software": "tiny", "computing": computing, "engine": "singularity"}
    started = await user.start(**options)
    task = await user.until(started["id"], "running", "failed", seconds=120)
    assert task["state"] == "running", (task["sentence"], task["log_tail"])
    await check_works(user, task)
    # Its scheduler has told by now where it runs.
    return await user.until(task["id"], "running")


def ask_scheduler(cluster: Cluster, job: str, user: str) -> str:
    """All that the scheduler tells this account about a job."""
    asked = [
        ["scontrol", "--details", "--details", "show", "job", job],
        ["scontrol", "write", "batch_script", job, "-"],
        ["squeue", "--json"],
        ["sacct", "--json", "--jobs", job],
        ["sacct", "--batch-script", "--jobs", job],
        ["sacct", "--env-vars", "--jobs", job],
    ]
    answers = [cluster.exec("login", argv, user) for argv in asked]
    assert any(job in one.stdout for one in answers), "the job itself is no secret"
    return "".join(one.stdout + one.stderr for one in answers)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("computing", ["cluster", "dialling"])
async def test_another_account_learns_nothing(hub: Hub, alice: User, computing: str) -> None:
    """What bob does not find is there: root finds it with the same program, alice in her script."""
    cluster, task = hub.cluster, await running(alice, computing)
    node, wanted = task["job"]["node"], secrets_of(hub, task)
    root = await spy(cluster, node, None, wanted)
    assert root.files
    assert GREETING in "".join(root.sockets.values())
    bob = await spy(cluster, node, "bob", wanted)
    assert bob.sockets.keys() >= root.sockets.keys()
    assert bob.ports.keys() == root.ports.keys()
    assert bob.files == []
    assert GREETING not in bob.said()
    assert set(bob.sockets.values()) == {""}
    assert (await spy(cluster, "login", "bob", wanted)).files == []
    told = ask_scheduler(cluster, task["job"]["id"], "bob")
    assert not any(secret in told for secret in wanted)
    shown = ask_scheduler(cluster, task["job"]["id"], "alice")
    assert any(secret in shown for secret in wanted), "it is her own script"
    await check_works(alice, task)
