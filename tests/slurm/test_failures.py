"""A scheduler that is slow, silent, lying or gone: nothing is lost, nothing is taken for gone."""

from pathlib import Path

import pytest

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.resources.access_local import LocalAccess
from rosetta_hub.resources.slurm.wms import SlurmWms
from rosetta_hub.resources.wms import JobRefused, JobRequest, JobState, QueueIsPrivate
from tests.support.fake_slurm import FakeSlurm

REQUEST = JobRequest(name="rosetta-0123abcd-9f-1", partition="main")
DOWN = {
    "returncode": 1,
    "stderr": "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n",
}
TIMED_OUT = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n"


@pytest.fixture
def slurm(tmp_path: Path) -> FakeSlurm:
    return FakeSlurm(tmp_path)


async def test_life(slurm: FakeSlurm) -> None:
    wms = slurm.wms()
    job_id = await wms.submit(REQUEST, "#!/bin/sh\n")
    assert slurm.jobs()[job_id]["script"] == "#!/bin/sh\n"
    (job,) = await wms.jobs(["alice"])
    assert (job.id, job.state, job.reason) == (job_id, JobState.PENDING, "Priority")
    assert await wms.end(job_id) is None
    await wms.cancel(job_id)
    await wms.cancel(job_id)
    assert await wms.jobs(["alice"]) == []
    ended = await wms.end(job_id)
    assert ended is not None
    assert (ended.cause, ended.by) == ("cancelled", "root")
    (result,) = await wms.find(REQUEST.name)
    assert (result.id, result.state) == (job_id, JobState.ENDED)


@pytest.mark.parametrize(
    "answer",
    [
        {"returncode": 0, "stdout": ""},
        {"returncode": 0, "stdout": "\x00garbage\n\n"},
        {"returncode": 0, "stdout": "JOBID|STATE\n"},
        {"returncode": 127},
        {"returncode": 137, "stdout": "1\n"},
        DOWN,
    ],
)
async def test_no_answer_is_not_an_empty_queue(slurm: FakeSlurm, answer: dict[str, object]) -> None:
    slurm.behave(squeue=answer)
    with pytest.raises(ResourceUnavailable):
        await slurm.wms().jobs(["alice"])
    with pytest.raises(ResourceUnavailable):
        await slurm.wms().find(REQUEST.name)


async def test_a_line_that_ends_early_is_no_answer(slurm: FakeSlurm) -> None:
    slurm.add_jobs({"id": "1", "user": "alice", "name": "rosetta-1"})
    slurm.change("squeue", "*fields]))", "*fields])[:-30])")
    with pytest.raises(ResourceUnavailable):
        await slurm.wms().jobs(["alice"])


async def test_lost_reply_is_found_by_its_name(slurm: FakeSlurm) -> None:
    slurm.behave(sbatch={"returncode": 1, "stderr": TIMED_OUT, "after": True})
    wms = slurm.wms()
    with pytest.raises(ResourceUnavailable):
        await wms.submit(REQUEST, "#!/bin/sh\n")
    (job,) = await wms.find(REQUEST.name)
    assert job.name == REQUEST.name


@pytest.mark.parametrize("text", ["", "queued, I think\n", "Submitted batch job 7\n", "12 13\n"])
async def test_garbage_is_no_id(slurm: FakeSlurm, text: str) -> None:
    slurm.behave(sbatch={"returncode": 0, "stdout": text})
    with pytest.raises(ResourceUnavailable):
        await slurm.wms().submit(REQUEST, "#!/bin/sh\n")


async def test_slow_controller_is_waited_for(slurm: FakeSlurm) -> None:
    slurm.behave(squeue={"delay": 0.3}, sbatch={"delay": 0.3})
    job_id = await slurm.wms().submit(REQUEST, "#!/bin/sh\n")
    assert [job.id for job in await slurm.wms().jobs(["alice"])] == [job_id]


async def test_refusal_names_what_to_change(slurm: FakeSlurm) -> None:
    with pytest.raises(JobRefused, match="There is no partition `nowhere`") as refused:
        await slurm.wms().submit(JobRequest("rosetta-1", partition="nowhere"), "#!/bin/sh\n")
    assert "invalid partition specified: nowhere" in str(refused.value)


async def test_names_of_other_jobs_can_not_forge_lines(slurm: FakeSlurm) -> None:
    forged = "0|9|RUNNING|alice|main|evil|N/A|N/A|None|rosetta-0123abcd-9f-1"
    slurm.add_jobs({"id": "1", "user": "alice", "name": f"rosetta-x\n{forged}\n|{forged}"})
    (job,) = await slurm.wms().jobs(["alice"])
    assert (job.id, job.name) == ("1", "rosetta-x")


async def test_user_whom_the_login_node_does_not_know_is_not_without_jobs(slurm: FakeSlurm) -> None:
    """Slurm leaves such a user out, and ends with 0."""
    slurm.add_jobs(
        {"id": "1", "user": "1002", "name": "rosetta-1", "state": "RUNNING"},
        {"id": "2", "user": "mallory", "name": "rosetta-1"},
        {"id": "3", "user": "alice", "name": "rosetta-2"},
    )
    slurm.behave(scontrol={})
    warning = (
        '    if users and "bob" in users: sys.stderr.write("squeue: error: Invalid user: bob\\n")\n'
    )
    slurm.change("squeue", '    form = request["format"]', warning + '    form = request["format"]')
    jobs = await slurm.wms().jobs(["alice", "bob"])
    assert {job.id for job in jobs} == {"1", "3"}


async def test_private_queue_is_not_an_answer_for_others(slurm: FakeSlurm) -> None:
    (slurm.directory / "private").write_text('"jobs,usage"')
    slurm.add_jobs({"id": "1", "user": "alice", "name": "rosetta-1"})
    wms = slurm.wms()
    assert len(await wms.jobs(["alice"])) == 1
    with pytest.raises(QueueIsPrivate):
        await wms.jobs(["alice", "bob"])


async def test_one_query_for_all_users(slurm: FakeSlurm) -> None:
    jobs = [{"id": str(n), "user": f"user{n % 7}", "name": f"rosetta-{n}"} for n in range(1, 201)]
    slurm.add_jobs(*jobs)
    wms, users = slurm.wms("user1"), [f"user{n}" for n in range(7)]
    for _ in range(2):
        assert len(await wms.jobs(users)) == 200
    commands = [call.split()[0] for call in slurm.calls()]
    assert commands == ["scontrol", "squeue", "squeue"]


async def test_accounting_that_is_away(slurm: FakeSlurm) -> None:
    """What the controller still knows is used; what nobody can tell is not known."""
    away = "sacct: error: Sending PersistInit msg: Connection refused\n"
    slurm.behave(sacct={"returncode": 1, "stderr": away})
    slurm.add_jobs({"id": "1", "user": "alice", "name": "rosetta-1", "state": "TIMEOUT"})
    ended = await slurm.wms().end("1")
    assert ended is not None
    assert ended.cause == "time_limit"
    with pytest.raises(ResourceUnavailable):
        await slurm.wms().end("2")
    with pytest.raises(ResourceUnavailable):
        await slurm.wms().find("rosetta-2")


async def test_cluster_without_accounting(slurm: FakeSlurm) -> None:
    disabled = {"returncode": 1, "stderr": "Slurm accounting storage is disabled\n"}
    slurm.behave(
        sacct=disabled,
        sacctmgr={
            "returncode": 1,
            "stderr": "You are not running a supported accounting_storage plugin\n",
        },
    )
    assert await slurm.wms().end("1") is None
    assert await slurm.wms().find("rosetta-1") == []
    inventory = await slurm.wms().inventory()
    assert (inventory.accounts, inventory.qos) == ((), ())
    assert inventory.partitions[0].cpus_idle == 128


async def test_database_that_goes_away_leaves_the_accounts_known(slurm: FakeSlurm) -> None:
    wms = slurm.wms()
    assert [account.name for account in (await wms.inventory()).accounts] == ["science"]
    slurm.behave(sacctmgr={"returncode": 1, "stderr": "sacctmgr: error: Connection refused\n"})
    assert [account.name for account in (await wms.inventory()).accounts] == ["science"]


async def test_cancel_says_when_it_is_not_known(slurm: FakeSlurm) -> None:
    slurm.behave(
        scancel={
            "returncode": 1,
            "stderr": "scancel: error: Unable to contact slurm controller (connect failure)\n",
        }
    )
    with pytest.raises(ResourceUnavailable):
        await slurm.wms().cancel("1")
    slurm.behave()
    await slurm.wms().cancel("1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Access/permission denied for job 1", "lets its operators alone"),
        ("Job has already finished for job 1", "The job has ended"),
    ],
)
async def test_more_time_that_is_refused(slurm: FakeSlurm, text: str, message: str) -> None:
    slurm.behave(scontrol={"returncode": 1, "stderr": f"{text}\n"})
    with pytest.raises(JobRefused, match=message):
        await slurm.wms().extend("1", 3600)


async def test_more_time_of_a_controller_that_does_not_answer(slurm: FakeSlurm) -> None:
    slurm.behave(scontrol={"returncode": 1, "stderr": "Unable to contact slurm controller\n"})
    with pytest.raises(ResourceUnavailable):
        await slurm.wms().extend("1", 3600)


async def test_missing_commands_are_told_apart(tmp_path: Path) -> None:
    wms = SlurmWms(LocalAccess(), "alice", path=[str(tmp_path)])
    with pytest.raises(ResourceUnavailable, match=r"sbatch was not found.*'path'"):
        await wms.submit(REQUEST, "#!/bin/sh\n")
