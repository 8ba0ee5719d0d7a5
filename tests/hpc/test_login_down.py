"""The way to the cluster is gone for a while, or not there yet: tasks wait for it, and go on."""

from collections.abc import AsyncIterator

import pytest

from tests.e2e.deployment import User
from tests.support.cluster_faults import machine_off, restart_service

from .hub import Hub, check_works
from .steps import begun, check_one_job, is_well, notes, running, shows, waiting

pytestmark = pytest.mark.usefixtures("leaves_nothing")


async def test_login_node_is_down(hub: Hub, alice: User) -> None:
    task, queued = await running(alice), await waiting(alice)
    await check_works(alice, task)
    with machine_off(hub.cluster, "login"):
        for item in (task, queued):
            await notes(alice, item, "can't be reached")
    for item in (task, queued):
        await is_well(hub, alice, item)
    await check_works(alice, task)


async def test_sshd_is_restarted(hub: Hub, alice: User) -> None:
    task = await running(alice)
    restart_service(hub.cluster, "login", "sshd")
    await check_works(alice, task)
    await is_well(hub, alice, task)


@pytest.fixture
async def newcomer(hub: Hub, request: pytest.FixtureRequest) -> AsyncIterator[User]:
    """A user of the hub whom the cluster does not know, a new one for each test."""
    user = await hub.deployment.user(request.node.name.replace("_", "-"))
    yield user
    await user.clean()


async def test_key_is_not_installed_yet(hub: Hub, newcomer: User) -> None:
    """The task waits, says what to do, and starts as soon as that is done."""
    line = await hub.paste_line(newcomer, "cluster", "alice")
    task = await begun(newcomer)
    await notes(newcomer, task, "does not accept the key for the user name 'alice'")
    result = await shows(newcomer, task, lambda view: view["job"] is None)
    assert "the line shown under 'Account'" in result["condition"]
    hub.cluster.authorize("alice", line)
    task = await newcomer.until(task["id"], "running", "failed")
    await is_well(hub, newcomer, task)


async def test_remote_user_name_is_wrong(hub: Hub, newcomer: User) -> None:
    line = await hub.paste_line(newcomer, "cluster", "alise")
    hub.cluster.authorize("alice", line)
    task = await begun(newcomer)
    await notes(newcomer, task, "the user name 'alise'")
    await hub.paste_line(newcomer, "cluster", "alice")
    task = await newcomer.until(task["id"], "running", "failed")
    await is_well(hub, newcomer, task)
    assert check_one_job(hub, task)["user_name"] == "alice"
