"""Agents that have fallen silent: open pages are told, once, and once more when they are back."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task, TaskState, utc_now
from rosetta_hub.periodic.liveness import LivenessWatcher
from rosetta_hub.tasks.liveness import unresponsive_since
from tests.support.starting import start_task

from .conftest import ALICE, Bench
from .test_manager import report


def heartbeat(seconds: float) -> Callable[[Task], None]:
    """Let the last report be that old."""

    def change(task: Task) -> None:
        task.last_heartbeat = utc_now() - timedelta(seconds=seconds)

    return change


async def test_pages_are_told_when_it_begins_and_when_it_ends(bench: Bench) -> None:
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    bench.tasks.report(task, report("running"))
    watcher = LivenessWatcher(bench.tasks, Rosetta(heartbeat_interval=5))
    expected = list(bench.woken)
    for age, news in [(1, 0), (29, 0), (31, 1), (40, 0), (2, 1), (3, 0)]:
        with bench.tasks.database.session() as session:
            row = session.get(Task, task.id)
            assert row is not None
            heartbeat(age)(row)
        await watcher.step()
        expected += [task.id] * news
        assert bench.woken == expected, age


@pytest.mark.parametrize("state", [TaskState.QUEUED, TaskState.STOPPED, TaskState.FAILED])
def test_who_does_not_report_is_not_silent(state: TaskState) -> None:
    task = Task(state=state, last_heartbeat=utc_now() - timedelta(hours=1))
    assert unresponsive_since(task, 5) is None
