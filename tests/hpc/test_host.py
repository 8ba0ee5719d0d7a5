"""A standalone host: its tasks outlive what connects to it, and end with the host alone."""

import os
import signal

import pytest

from rosetta_agent.spec import container_name
from tests.e2e.deployment import User, eventually
from tests.support.cluster_faults import reboot, restart_service

from .hub import Hub, check_works


async def running(user: User, **options: str) -> dict[str, object]:
    """A task of the host that is running."""
    task = await user.start(software="tiny", computing="host", **options)
    task = await user.until(task["id"], "running", "failed", seconds=120)
    assert task["state"] == "running", (task["message"], task["log_tail"])
    return task


@pytest.mark.timeout(300)
async def test_a_task_outlives_sshd_and_the_tunnels(hub: Hub, alice: User) -> None:
    task = await running(alice, engine="podman")
    restart_service(hub.cluster, "host", "sshd")
    await check_works(alice, task)
    os.kill(await hub.tunnels_pid(), signal.SIGKILL)
    await check_works(alice, task)
    again = await alice.task(str(task["id"]))
    assert again is not None
    assert (again["state"], again["attempt"]) == ("running", 1)


@pytest.mark.timeout(300)
async def test_a_reboot_is_noticed(hub: Hub, alice: User) -> None:
    task = await running(alice, engine="podman")
    reboot(hub.cluster, "host")
    ended = await alice.until(str(task["id"]), "failed", "stopped", seconds=120)
    assert ended["message"] == "Host was restarted, which ended the task. Start it again."

    async def is_clean() -> bool:
        names = hub.cluster.run("host", ["podman", "ps", "--all", "--format={{.Names}}"], "carol")
        return container_name(str(task["id"]), 1) not in names

    await eventually(is_clean, "nothing of the task is left")
