"""What another account of the cluster learns of a task on the same node: nothing."""

import pytest

from tests.e2e.deployment import User
from tests.support.cluster import Cluster

from .hub import Hub, check_works
from .spying import secrets_of, spy
from .steps import running, shows

# What the container says to whoever reaches it.
GREETING = "hello from"


def ask_scheduler(cluster: Cluster, job: str, user: str) -> str:
    """All that the scheduler tells this account about a job."""
    calls = [
        ["scontrol", "--details", "--details", "show", "job", job],
        ["scontrol", "write", "batch_script", job, "-"],
        ["squeue", "--json"],
        ["sacct", "--json", "--jobs", job],
        ["sacct", "--batch-script", "--jobs", job],
        ["sacct", "--env-vars", "--jobs", job],
    ]
    answers = [cluster.exec("login", argv, user) for argv in calls]
    assert any(job in answer.stdout for answer in answers), "the job itself is no secret"
    return "".join(item.stdout + item.stderr for item in answers)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("computing", ["cluster", "dialling"])
async def test_another_account_learns_nothing(hub: Hub, alice: User, computing: str) -> None:
    """What bob does not find is there: root finds it with the same program, alice in her script."""
    task = await running(alice, computing=computing, engine="singularity")
    task = await shows(alice, task, lambda view: view["job"]["node"])
    cluster, node, result = hub.cluster, task["job"]["node"], secrets_of(hub, task)
    root = await spy(cluster, node, None, result)
    assert root.files
    assert GREETING in "".join(root.sockets.values())
    bob = await spy(cluster, node, "bob", result)
    assert bob.sockets.keys() >= root.sockets.keys()
    assert bob.ports.keys() & root.ports.keys(), "both have asked the same ports"
    assert bob.files == []
    assert GREETING not in bob.said()
    assert set(bob.sockets.values()) == {""}
    assert (await spy(cluster, "login", "bob", result)).files == []
    message = ask_scheduler(cluster, task["job"]["id"], "bob")
    assert not any(secret in message for secret in result)
    value = ask_scheduler(cluster, task["job"]["id"], "alice")
    assert any(secret in value for secret in result), "it is her own script"
    await check_works(alice, task)
