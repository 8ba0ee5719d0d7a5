"""What tasks use over time: bounded samples that keep what matters, and messages about them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from rosetta_hub.database.models import Task, UsageSample
from rosetta_hub.tasks import usage
from rosetta_hub.tasks.report import parse_report
from rosetta_hub.tasks.usage import UsageView
from rosetta_hub.users.exports import UserExports
from tests.support.starting import start_task

from .conftest import ALICE, Bench
from .test_api import Site, site

__all__ = ["site"]

GB = 1 << 30
BEGIN = datetime(2026, 11, 27, 12, tzinfo=UTC)


class Clock:
    """A time that passes as a test says."""

    now = BEGIN

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time of the samples."""
    clock = Clock()
    monkeypatch.setattr(usage, "utc_now", clock)
    return clock


@pytest.fixture
def task(bench: Bench) -> Task:
    """A task that asked for two CPUs and 8 GB."""
    options = {"software": "echo", "cpus": 2, "memory": "8G"}
    return start_task(bench.tasks, "one", options, ALICE)


class Agent:
    """Reports what a task uses."""

    def __init__(self, bench: Bench, task: Task, clock: Clock) -> None:
        self._bench, self._task, self._clock = bench, task, clock
        self._sequence = 0
        self.cpu_seconds = 0.0

    def report(self, seconds: float, cpus: float, memory: int, **gpus: Any) -> None:
        """After so many seconds more, in which so many CPUs were in use."""
        self._clock.now += timedelta(seconds=seconds)
        self.cpu_seconds += seconds * cpus
        self._sequence += 1
        used = {"cpu_seconds": self.cpu_seconds, "memory": memory, **gpus}
        body = {"sequence": self._sequence, "state": "running", "usage": used}
        tasks = self._bench.tasks
        tasks.report(tasks.find(self._task.id), parse_report(json.dumps(body).encode()))

    def view(self) -> UsageView:
        """What is shown."""
        return self._bench.tasks.usage(self._bench.tasks.find(self._task.id))


@pytest.fixture
def agent(bench: Bench, task: Task, clock: Clock) -> Agent:
    """The agent of the task."""
    return Agent(bench, task, clock)


def count(bench: Bench) -> int:
    with bench.tasks.database.session() as session:
        return session.scalar(select(func.count()).select_from(UsageSample)) or 0


def test_reports_of_a_span_are_one_sample(agent: Agent) -> None:
    agent.report(0, 0, 1 * GB)
    agent.report(5, 1.5, 3 * GB)
    agent.report(5, 1.5, 2 * GB)
    first, second = agent.view().points
    # What was used most between two samples is not lost.
    assert (first.memory, second.memory) == (3 * GB, 2 * GB)
    assert (first.cpus, second.cpus) == (None, 1.5)
    assert first.time == BEGIN + timedelta(seconds=5)


def test_samples_are_bounded_and_keep_the_peaks(
    agent: Agent, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "MOST_SAMPLES", 60)
    peaks = {83: 7 * GB, 200: 6 * GB}
    for number in range(250):
        agent.report(5, 2.0 if number == 139 else 1.0, peaks.get(number, GB))
        assert count(bench) <= usage.MOST_SAMPLES
    view = agent.view()
    points = view.points
    assert usage.MOST_SAMPLES / 2 <= len(points) <= usage.MOST_SAMPLES
    assert sorted(point.memory for point in points)[-3:] == [GB, 6 * GB, 7 * GB]
    assert all(0.99 <= point.cpus <= 1.3 for point in points if point.cpus is not None)
    assert any((point.cpus or 0) > 1.05 for point in points)
    assert [point.time for point in points] == sorted(point.time for point in points)
    assert points[-1].time - points[0].time > timedelta(seconds=1200)


def test_in_words(agent: Agent) -> None:
    assert agent.view().summary == []
    for memory in (GB, 3 * GB, 2 * GB):
        agent.report(30, 0.5, memory)
    assert agent.view().summary == [
        "Memory: at most 3 GB of the 8 GB asked for (38 %).",
        "CPUs: 0.5 of the 2 asked for on average, 0.5 at most.",
    ]


def test_gpus_in_words(agent: Agent) -> None:
    for percent in (20, 40, 90):
        gpus = {"gpu_percent": percent, "gpu_memory": percent * GB // 10}
        agent.report(30, 1, GB, **gpus, gpu_memory_total=40 * GB)
    view = agent.view()
    assert view.gpu_memory_total == 40 * GB
    assert [point.gpu_percent for point in view.points] == [20, 40, 90]
    assert view.summary[2:] == [
        "GPUs: busy 50 % of the time on average, 90 % at most.",
        "Memory of the GPUs: at most 9 GB of 40 GB.",
    ]


def test_gpus_that_can_not_be_believed(agent: Agent) -> None:
    agent.report(0, 0, GB, gpu_percent=1e308, gpu_memory="x", gpu_memory_total=[])
    (point,) = agent.view().points
    assert (point.gpu_percent, point.gpu_memory, point.memory) == (None, None, GB)


def test_a_count_that_begins_anew_is_no_use_of_the_past(agent: Agent) -> None:
    """A job that its scheduler starts again counts from 0."""
    agent.report(0, 0, GB)
    agent.report(60, 2, GB)
    agent.cpu_seconds = 0
    agent.report(60, 1, GB)
    assert [point.cpus for point in agent.view().points] == [None, 2.0, None]


def test_a_new_attempt_begins_with_nothing(agent: Agent, bench: Bench, task: Task) -> None:
    agent.report(0, 0, GB)
    bench.tasks.stopped(bench.tasks.find(task.id))
    # What an ended task has used is still there.
    assert len(agent.view().points) == 1
    start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    assert count(bench) == 0
    assert agent.view().asked_for.memory is None


def test_it_is_deleted_with_the_task(agent: Agent, bench: Bench, task: Task) -> None:
    agent.report(0, 0, GB)
    bench.tasks.stopped(bench.tasks.find(task.id))
    bench.tasks.delete(bench.tasks.find(task.id))
    assert count(bench) == 0


def test_it_is_in_the_export_of_its_user_alone(agent: Agent, bench: Bench, task: Task) -> None:
    agent.report(0, 0, GB)
    exports = UserExports(bench.tasks.database)
    (row,) = exports.document("alice")["usage_samples"]
    assert (row["task_id"], row["memory"]) == (task.id, GB)
    assert exports.document("bob")["usage_samples"] == []


async def test_who_sees_a_task_sees_what_it_uses(site: Site) -> None:
    task = site.start()
    status, answer = await site.call("GET", f"api/v1/tasks/{task.id}/usage")
    assert (status, answer["points"], answer["summary"]) == (200, [], [])
    body = {"sequence": 2, "state": "running", "usage": {"cpu_seconds": 1, "memory": GB}}
    site.bench.tasks.report(task, parse_report(json.dumps(body).encode()))
    _, answer = await site.call("GET", f"api/v1/tasks/{task.id}/usage")
    assert answer["points"][0]["memory"] == GB
    assert (await site.call("GET", f"api/v1/tasks/{task.id}/usage", token="bob"))[0] == 404
