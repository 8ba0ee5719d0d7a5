"""Texts of nodes and schedulers in the database: whatever they hold, each task can be recorded."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, cast

import pytest

from rosetta_hub.catalogue.catalogue import load_catalogue
from rosetta_hub.database.external_text import fit_text
from rosetta_hub.database.models import Task, TaskState, utc_now
from rosetta_hub.errors import InvalidOptions
from rosetta_hub.reconciler.job_watcher import JobWatcher
from rosetta_hub.resources.resource import Queue
from rosetta_hub.resources.wms import Job, JobEnd, JobState
from rosetta_hub.tasks.conditions import Conditions
from tests.support.starting import start_task

from .conftest import ALICE, Bench
from .test_manager import report
from .test_unopened import CLUSTER

ODD = "a\0b\x1b[31m\r\n\ud800" + "é" * 400


def test_a_text_is_cleaned_and_cut() -> None:
    assert fit_text("plain\n\ttext", 80) == "plain\n\ttext"
    assert fit_text("a\0b\x1bc\ud800", 80) == "a\ufffdb\ufffdc\ufffd"
    assert fit_text("one\r\ntwo", None) == "one\ntwo"
    assert fit_text("é" * 50, 40) == "é" * 39 + "…"


def test_odd_text_of_a_container_is_recorded(bench: Bench) -> None:
    """The output of a container ends in a NUL byte: its end is recorded all the same."""
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    bench.tasks.report(task, report("failed", reason="exited", exit_code=1, detail="x\0"))
    match = bench.tasks.find(task.id)
    assert (match.state, match.detail) == (TaskState.FAILED, "x\ufffd")


def test_a_row_in_memory_is_what_was_stored(bench: Bench) -> None:
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)

    def change(row: Task) -> None:
        row.node = row.boot_id = row.job_id = row.job_state = row.job_reason = ODD
        row.message = row.reason = row.remote_user = ODD

    changed = bench.tasks.update(task, change)
    match = bench.tasks.find(task.id)
    for column in ("node", "boot_id", "job_id", "job_state", "job_reason", "message", "reason"):
        assert getattr(changed, column) == getattr(match, column)
        assert getattr(match, column).startswith("a\ufffdb")


@pytest.mark.parametrize("name", ["a\0b", "a\nb", "\ud800"])
def test_the_name_of_a_task_is_one_line(bench: Bench, name: str) -> None:
    with pytest.raises(InvalidOptions, match="name"):
        start_task(bench.tasks, "one", {"software": "echo", "name": name}, ALICE)


class FakeQueue:
    """Answers with these jobs, keyed by the task's server name."""

    def __init__(self, jobs: dict[str, Job]) -> None:
        self.jobs_of = jobs
        self.asked = 0
        self.cancelled: list[str] = []

    async def jobs(self, tasks: Iterable[Task]) -> list[Job]:
        self.asked += 1
        return list(self.jobs_of.values())

    def job_name(self, task: Task) -> str:
        return task.server_name

    def task_of(self, job: Job) -> tuple[str, int] | None:
        return (job.name, 1) if job.name.startswith("orphan") else None

    def why(self, job: Job, _task: Task) -> str:
        if job.reason == "broken":
            raise ValueError("a reason that nobody can read")
        return f"Waits ({job.reason})."

    async def end(self, _task: Task) -> JobEnd | None:
        return JobEnd("unknown", ODD, node=ODD)

    async def ends(self, tasks: Iterable[Task]) -> dict[str, JobEnd]:
        return {task.job_id or "": JobEnd("unknown", ODD, node=ODD) for task in tasks}

    async def find(self, _task: Task) -> Sequence[Job]:
        return []

    async def cancel(self, _user: str, job: Job) -> None:
        if job.id == "broken":
            raise ValueError("an answer that nobody can read")
        self.cancelled.append(job.id)


class Watched:
    """Tasks with a job each, and the watcher of their cluster."""

    def __init__(self, bench: Bench, **jobs: dict[str, Any]) -> None:
        self.tasks = bench.tasks
        self.queue = FakeQueue({})
        software = [{"name": "Echo", "image_name": "echo"}]
        computing = load_catalogue(software, [CLUSTER]).computing["cluster"]
        queue = cast(Queue, self.queue)
        self.watcher = JobWatcher(computing, queue, bench.tasks, Conditions())
        for name, fields in jobs.items():
            self.add(name, **fields)

    def add(self, name: str, **fields: Any) -> None:
        task = start_task(self.tasks, name, {"software": "echo"}, ALICE)

        def submit(row: Task) -> None:
            row.computing, row.job_id, row.remote_user = "cluster", name, "alice"

        self.tasks.update(task, submit)
        document = {"state": JobState.PENDING, "scheduler_state": "PENDING", **fields}
        self.queue.jobs_of[name] = Job(name, name, "alice", **document)

    def task(self, name: str) -> Task:
        return self.tasks.find_server("alice", name)


async def test_a_long_reason_stops_no_watcher(bench: Bench) -> None:
    """HTCondor and LSF give reasons of any length; every job of the cluster is brought up to date.

    The second round finds nothing new: what was cut is not taken for a change.
    """
    watched = Watched(
        bench,
        one={"reason": ODD},
        two={"state": JobState.RUNNING, "scheduler_state": ODD, "node": ODD},
        three={"reason": "Priority"},
    )
    await watched.watcher.step()
    assert str(watched.task("one").job_reason).startswith("Waits (a\ufffdb")
    assert len(str(watched.task("one").job_reason)) == 300
    assert len(str(watched.task("two").node)) == 255
    assert watched.task("three").job_reason == "Waits (Priority)."
    bench.woken.clear()
    await watched.watcher.step()
    assert bench.woken == []


async def test_odd_text_of_the_accounting_ends_the_task(bench: Bench) -> None:
    watched = Watched(bench, one={}, two={})
    watched.queue.jobs_of.clear()
    await watched.watcher.step()
    assert {watched.task(name).state for name in ("one", "two")} == {TaskState.FAILED}
    assert watched.task("one").detail.startswith("a\ufffdb")


async def test_a_job_that_cannot_be_followed_stops_no_other(bench: Bench) -> None:
    watched = Watched(bench, one={"reason": "broken"}, two={"reason": "Priority"})
    watched.add("ended")
    watched.tasks.update(watched.task("ended"), _end_earlier)
    for name in ("broken", "orphan-two"):
        job = Job(name, f"orphan-{name}", "alice", JobState.PENDING, "PENDING")
        watched.queue.jobs_of[name] = job
    await watched.watcher.step()
    assert watched.task("one").job_reason is None
    assert watched.task("two").job_reason == "Waits (Priority)."
    assert watched.queue.cancelled == ["orphan-two"]


def _end_earlier(task: Task) -> None:
    task.state, task.ended = TaskState.STOPPED, utc_now() - timedelta(minutes=5)
