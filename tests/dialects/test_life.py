"""Jobs of every scheduler, from submit to end, with executables that really run them."""

import sys
from pathlib import Path

import pytest

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.resources.access_local import LocalAccess
from rosetta_hub.resources.dialects.batch_wms import build_batch_wms
from rosetta_hub.resources.wms import JobRefused, JobState
from tests.dialects.conftest import USER, Fake, wait_for

NAME = "rosetta-0a1b2c3d-4e5f60718293-1"


def build_script(*lines: str) -> str:
    return "\n".join([f"#!{sys.executable}", '"""A script."""', *lines, ""])


async def ended(fake: Fake, job_id: str) -> bool:
    result = all(job.id != job_id for job in await fake.wms.jobs([USER]))
    return result and await fake.wms.end(job_id) is not None


async def running(fake: Fake, job_id: str) -> bool:
    states = {job.id: job.state for job in await fake.wms.jobs([USER])}
    return states.get(job_id) is JobState.RUNNING


async def test_script_runs_and_its_exit_status_is_known(fake: Fake, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    script = build_script("import sys", f"open({str(mark)!r}, 'w').write('ran')", "sys.exit(3)")
    job_id = await fake.wms.submit(fake.case.request(NAME), script)
    await wait_for(lambda: ended(fake, job_id), "the job is over")
    end = await fake.wms.end(job_id)
    assert end is not None
    assert (end.cause, end.exit_code) == ("exited", 3)
    assert mark.read_text() == "ran"
    assert [job.id for job in await fake.wms.find(NAME)] == [job_id]
    assert (await fake.wms.find(NAME))[0].state is JobState.ENDED
    # Nothing of the script is left, where it had to be written into a file.
    assert not fake.scripts.exists() or list(fake.scripts.iterdir()) == []


async def test_running_job_is_shown_and_cancelled(fake: Fake) -> None:
    job_id = await fake.wms.submit(
        fake.case.request(NAME, time_limit=3600), build_script("import time", "time.sleep(600)")
    )
    await wait_for(lambda: running(fake, job_id), "the job runs")
    (job,) = await fake.wms.jobs([USER])
    assert (job.id, job.name, job.user, job.node) == (job_id, NAME, USER, "node1")
    assert [item.id for item in await fake.wms.find(NAME)] == [job_id]
    assert await fake.wms.end(job_id) is None
    await fake.wms.cancel(job_id)
    await wait_for(lambda: ended(fake, job_id), "the job is cancelled")
    end = await fake.wms.end(job_id)
    assert end is not None
    assert end.cause == "cancelled"
    await fake.wms.cancel(job_id)


async def test_waiting_job_has_a_reason_and_is_cancelled(fake: Fake) -> None:
    request = fake.case.request(NAME, **fake.case.held)
    job_id = await fake.wms.submit(request, build_script("pass"))
    (job,) = await fake.wms.jobs([USER])
    assert (job.state, job.reason) == (JobState.PENDING, fake.case.reason)
    assert job.node is None
    await fake.wms.cancel(job_id)
    assert await fake.wms.jobs([USER]) == []


async def test_time_limit_is_the_cause(fake: Fake) -> None:
    request = fake.case.request(NAME, time_limit=fake.case.seconds)
    job_id = await fake.wms.submit(request, build_script("import time", "time.sleep(600)"))
    await wait_for(lambda: ended(fake, job_id), "the job reached its limit")
    end = await fake.wms.end(job_id)
    assert end is not None
    assert end.cause == "time_limit"


async def test_refusal_has_the_schedulers_words(fake: Fake) -> None:
    request = fake.case.request(NAME, **fake.case.refused)
    with pytest.raises(JobRefused, match=fake.case.refusal):
        await fake.wms.submit(request, build_script("pass"))
    assert await fake.wms.jobs([USER]) == []
    assert not fake.scripts.exists() or list(fake.scripts.iterdir()) == []


async def test_unknown_jobs_are_gone_and_nothing_else(fake: Fake) -> None:
    assert await fake.wms.jobs([USER]) == []
    assert await fake.wms.find(NAME) == []
    assert await fake.wms.end("4711") is None
    await fake.wms.cancel("4711")


async def test_one_query_for_all_users(fake: Fake) -> None:
    for number, user in enumerate(("alice", "bob", "carol"), 1):
        fake.put(number, f"rosetta-{user}", user)
    before = len(fake.calls())
    jobs = await fake.wms.jobs(["alice", "bob"])
    assert [job.name for job in jobs] == ["rosetta-alice", "rosetta-bob"]
    assert len(fake.calls()) == before + 1


async def test_a_strangers_job_of_that_name_is_not_ours(fake: Fake) -> None:
    fake.put(1, NAME, "mallory")
    assert await fake.wms.find(NAME) == []


async def test_nobody_answers(fake: Fake) -> None:
    fake.put(1, NAME, USER)
    (fake.root / "down").touch()
    with pytest.raises(ResourceUnavailable):
        await fake.wms.jobs([USER])
    with pytest.raises(ResourceUnavailable):
        await fake.wms.find(NAME)
    with pytest.raises(ResourceUnavailable):
        await fake.wms.cancel("1")
    with pytest.raises(ResourceUnavailable):
        await fake.wms.submit(fake.case.request(NAME), build_script("pass"))
    if fake.case.name != "sge":  # whose accounting is a file
        with pytest.raises(ResourceUnavailable):
            await fake.wms.end("1")


async def test_garbage_is_no_answer(fake: Fake) -> None:
    fake.put(1, NAME, USER)
    (fake.root / "garbage").touch()
    with pytest.raises(ResourceUnavailable, match="can't be read"):
        await fake.wms.jobs([USER])
    with pytest.raises(ResourceUnavailable, match="can't be read"):
        await fake.wms.end("1")


async def test_missing_commands_are_no_answer(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(ResourceUnavailable):
        await fake.wms.jobs([USER])
    with pytest.raises(ResourceUnavailable):
        await fake.wms.submit(fake.case.request(NAME), build_script("pass"))


async def test_commands_outside_of_path(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    folder = os.environ["PATH"].split(":")[0]
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    wms = build_batch_wms(fake.case.name, LocalAccess(os.environ), [folder])
    assert await wms.jobs([USER]) == []
    assert await wms.version()


async def test_version(fake: Fake) -> None:
    assert any(character.isdigit() for character in await fake.wms.version())


async def test_inventory_is_queues_at_most(fake: Fake) -> None:
    inventory = await fake.wms.inventory()
    names = [partition.name for partition in inventory.partitions]
    expected = {"moab": [], "condor": [], "pbs": ["workq"], "torque": ["batch", "held"]}
    expected |= {"sge": ["main.q", "held"], "lsf": ["normal", "held"]}
    assert names == expected[fake.case.name]


async def test_scripts_in_files_are_the_owners_alone(fake: Fake) -> None:
    await fake.wms.submit(fake.case.request(NAME, **fake.case.held), build_script("pass"))
    for path in (fake.scripts, *fake.scripts.glob("*")):
        assert not path.exists() or path.stat().st_mode & 0o077 == 0
