"""What an agent knows about the batch job around it, and the lock of shared image caches."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from rosetta_agent import lease_lock, usage
from rosetta_agent.batch_job import Batch, clean, enter, parse_environment
from rosetta_agent.engines.base import ContainerStatus
from rosetta_agent.errors import Cancelled
from rosetta_agent.exit_causes import failure_of, stopped
from rosetta_agent.lease_lock import Lease, read_lease
from rosetta_agent.progress import Progress

from .fake import wait_until
from .specs import full_job

SLURM = {
    "SLURM_JOB_ID": "52",
    "SLURM_JOB_START_TIME": "1000000",
    "SLURM_JOB_END_TIME": "1003600",
    "SLURM_RESTART_COUNT": "2",
    "SLURM_JOB_GPUS": "0,3",
}


def test_slurm_tells() -> None:
    batch = parse_environment(SLURM, now=1000100.0, monotonic=50.0)
    assert batch == Batch(1003600.0, 50.0 + 3500.0, 2 * 10**7, ("0", "3"))


@pytest.mark.parametrize("now", [1000000.0 - 3600, 1000000.0 + 3601])
def test_clock_that_is_off_by_an_hour(now: float) -> None:
    batch = parse_environment(SLURM, now=now, monotonic=50.0)
    assert (batch.ends_at, batch.ends) == (1003600.0, 3650.0)


def test_first_start_under_slurm() -> None:
    batch = parse_environment({"SLURM_JOB_ID": "1"}, now=1.8e9, monotonic=0.0)
    assert batch == Batch(None, None, 0, ())
    assert not batch.is_over()


def test_other_schedulers_count_by_the_clock() -> None:
    first = parse_environment({"PBS_JOBID": "1"}, now=1.8e9, monotonic=0.0).first_sequence
    second = parse_environment({"PBS_JOBID": "1"}, now=1.8e9 + 60, monotonic=0.0).first_sequence
    assert 0 < first < second < 2**31


@pytest.mark.parametrize(("remaining", "over"), [(-100.0, True), (20.0, True), (40.0, False)])
def test_signal_at_the_limit(remaining: float, over: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 1000.0)
    assert Batch(None, 1000.0 + remaining, 0, ()).is_over() is over


def test_variables_that_the_administrator_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (SLURM | {"SLURM_JWT": "secret", "NAME": "node"}).items():
        monkeypatch.setenv(name, value)
    spec = full_job(pass_variables=["SLURM_JOB_*", "NAME"], environment={"NAME": "software"})
    _batch, spec = enter(spec)
    assert spec.environment == {
        "SLURM_JOB_ID": "52",
        "SLURM_JOB_START_TIME": "1000000",
        "SLURM_JOB_END_TIME": "1003600",
        "SLURM_JOB_GPUS": "0,3",
        "NAME": "software",
    }
    assert "SLURM_JOB_ID" not in os.environ


def test_environment_of_what_is_started() -> None:
    document = {"PATH": "/bin", "HOME": "/home/alice", "CUDA_VISIBLE_DEVICES": "0", "LANG": "C"}
    hidden = {**SLURM, "SLURM_JWT": "secret", "PBS_COOKIE": "x", "APPTAINERENV_LD_PRELOAD": "x"}
    assert clean({**document, **hidden}) == document


@pytest.mark.parametrize(
    ("why", "state", "reason"),
    [
        ("asked", "stopped", None),
        ("refused", "stopped", None),
        ("unanswered", "failed", "unanswered"),
        ("time_limit", "failed", "time_limit"),
        ("cancelled", "stopped", "cancelled"),
    ],
)
def test_stops(why: str, state: str, reason: str | None) -> None:
    assert (stopped(why).state, stopped(why).reason) == (state, reason)


@pytest.mark.parametrize(
    ("status", "limit", "kernel", "reason", "words"),
    [
        (ContainerStatus("gone"), None, False, "exited", "disappeared"),
        (ContainerStatus("exited", 1), None, True, "exited", "exit code 1"),
        (ContainerStatus("exited", 137), None, False, "exited", "exit code 137"),
        (ContainerStatus("exited", 137), None, True, "out_of_memory", "than its job has"),
        (ContainerStatus("exited", 137), 1 << 30, False, "out_of_memory", "of 1 GiB"),
        (
            ContainerStatus("exited", 0, out_of_memory=True),
            1 << 30,
            False,
            "out_of_memory",
            "its limit",
        ),
    ],
)
def test_ends(
    status: ContainerStatus, limit: int | None, kernel: bool, reason: str, words: str
) -> None:
    failure = failure_of(status, limit, kernel)
    assert failure.reason == reason
    assert words in failure.message


def test_where_the_kernel_counts_kills() -> None:
    version_2 = usage.build_event_files({"": "/system.slice/slurmstepd.scope/job_7/step_batch"})
    assert version_2 == [
        "/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/memory.events",
        "/sys/fs/cgroup/unified/system.slice/slurmstepd.scope/job_7/memory.events",
        "/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/step_batch/memory.events",
        "/sys/fs/cgroup/unified/system.slice/slurmstepd.scope/job_7/step_batch/memory.events",
    ]
    version_1 = usage.build_event_files({"memory": "/slurm/uid_1001/job_7/step_batch/task_0"})
    assert version_1[0] == "/sys/fs/cgroup/memory/slurm/uid_1001/job_7/memory.oom_control"
    assert len(version_1) == 3
    assert usage.build_event_files({}) == []


# --- leases --------------------------------------------------------------------------------------


def never(_seconds: float) -> bool:
    return threading.Event().wait(0.01)


def nothing(_progress: Progress) -> None:
    pass


def take_in_thread(lease: Lease, message: Callable[[Progress], None]) -> threading.Thread:
    thread = threading.Thread(target=lease.take, args=(never, message))
    thread.start()
    return thread


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_lock, "_HEARTBEAT_SECONDS", 0.02)


def test_one_after_the_other_with_progress(tmp_path: Path, fast: None) -> None:
    path = str(tmp_path / "x.lease")
    first, second = Lease(path), Lease(path)
    assert not first.take(never, nothing)
    progress: list[Progress] = []
    waiting = take_in_thread(second, progress.append)
    first.tell(Progress(3, 10))
    wait_until(lambda: Progress(3, 10) in progress, "the progress of the other")
    assert waiting.is_alive()
    first.give_back()
    waiting.join()
    lease = read_lease(path)
    assert lease is not None
    assert lease["owner"] == second.owner
    second.give_back()
    assert list(tmp_path.iterdir()) == []


def test_lease_of_somebody_who_is_gone(
    tmp_path: Path, fast: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_lock, "_STALE_SECONDS", 0.3)
    for text in ('{"owner": "gone", "heartbeat": 7, "progress": [0, 0]}', "", "[]"):
        path = tmp_path / "x.lease"
        path.write_text(text)
        lease = Lease(str(path))
        assert lease.take(never, nothing)
        lease.give_back()
        assert list(tmp_path.iterdir()) == []


def test_living_owner_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of the test's: disks may stand still for longer than a lease is good here."""
    now = 0.0
    monkeypatch.setattr(lease_lock, "time", SimpleNamespace(monotonic=lambda: now))
    path = str(tmp_path / "x.lease")
    first, second = Lease(path), Lease(path)
    first.take(never, nothing)
    looks = 0

    def wait(_seconds: float) -> bool:
        """The owner writes just in time, and is looked at in between, too."""
        nonlocal now, looks
        looks += 1
        now += 0.45 * lease_lock._STALE_SECONDS
        if looks % 2 == 0:
            first._write()
        return looks > 20

    with pytest.raises(Cancelled):
        second.take(wait, nothing)
    first.give_back()


def test_only_what_was_seen_is_taken_away(tmp_path: Path) -> None:
    """Somebody else has taken it over in between."""
    path = tmp_path / "x.lease"
    fresh = {"owner": "another", "heartbeat": 0, "progress": [0, 0]}
    path.write_text(json.dumps(fresh))
    Lease(str(path))._take_away({"owner": "gone", "heartbeat": 7, "progress": [0, 0]})
    assert read_lease(str(path)) == fresh
    assert os.listdir(tmp_path) == ["x.lease"]


def test_one_that_was_lost_is_not_removed(tmp_path: Path, fast: None) -> None:
    path = tmp_path / "x.lease"
    lease = Lease(str(path))
    lease.take(never, nothing)
    path.unlink()
    path.write_text('{"owner": "another", "heartbeat": 0, "progress": [0, 0]}')
    lease.give_back()
    result = read_lease(str(path))
    assert result is not None
    assert result["owner"] == "another"
