"""Slurm is away, slow, or does not make sense: tasks go on, and none is submitted twice."""

import pytest

from tests.e2e.deployment import User
from tests.support.cluster_faults import (
    garbage_answers,
    lost_reply,
    service_stopped,
    slow_commands,
)

from .hub import Hub, check_works
from .steps import begun, check_one_job, is_well, notes, running, shows, waiting

pytestmark = [pytest.mark.usefixtures("leaves_nothing"), pytest.mark.timeout(240)]


async def test_slurmctld_is_down(hub: Hub, alice: User) -> None:
    """What runs is worked with, what waits waits, what is new is submitted afterwards."""
    task, queued = await running(alice), await waiting(alice)
    with service_stopped(hub.cluster, "controller", "slurmctld"):
        new = await begun(alice)
        for item in (task, queued, new):
            await notes(alice, item, "Unable to contact slurm controller")
        await check_works(alice, task)
    for item in (task, queued):
        await is_well(hub, alice, item)
    new = await alice.until(new["id"], "running", "failed", seconds=150)
    await is_well(hub, alice, new)


async def test_slurm_is_slow(hub: Hub, alice: User) -> None:
    """Half a minute for each answer: a task is begun, used, and another one is stopped."""
    old = await running(alice)
    with slow_commands(hub.cluster, ["squeue", "sbatch"], 30):
        new = await begun(alice, computing="dialling")
        await check_works(alice, old)
        await alice.api("POST", f"tasks/{old['id']}/stop")
        assert (await alice.until(old["id"], "stopped", "failed"))["state"] == "stopped"
        new = await alice.until(new["id"], "running", "failed")
        await check_works(alice, new)
        assert new["condition"] is None
    await shows(alice, new, lambda view: view["job"]["node"])
    await is_well(hub, alice, new)


@pytest.mark.parametrize(
    ("text", "returncode", "words"),
    [("<html>Service unavailable</html>", 0, "can't be read"), ("", 1, "exit status 1")],
)
async def test_slurm_answers_garbage(
    hub: Hub, alice: User, text: str, returncode: int, words: str
) -> None:
    task, queued = await running(alice), await waiting(alice)
    with garbage_answers(hub.cluster, ["squeue", "sacct"], text, returncode):
        for item in (task, queued):
            await notes(alice, item, words)
        await check_works(alice, task)
    for item in (task, queued):
        await is_well(hub, alice, item)


async def test_answer_to_the_submission_is_lost(hub: Hub, alice: User) -> None:
    """The connection breaks after `sbatch` has done its work: the job is found by its name."""
    with lost_reply(hub.cluster):
        task = await begun(alice)
        await shows(alice, task, lambda view: view["state"] != "queued" or view["job"])
    task = await alice.until(task["id"], "running", "failed")
    await is_well(hub, alice, task)
    assert str(check_one_job(hub, task)["job_id"]) == task["job"]["id"]
