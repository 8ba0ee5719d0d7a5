"""Daily numbers: counted where tasks change, kept when tasks are deleted."""

from datetime import timedelta
from pathlib import Path

import pytest

from rosetta_hub.administration import numbers as module
from rosetta_hub.administration.numbers import DailyReport, NumberCounter
from rosetta_hub.catalogue.catalogue import load_catalogue
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.keys import Keys
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.manager import TaskManager
from tests.support.starting import start_task

from .conftest import ALICE, COMPUTING, SOFTWARE
from .test_manager import report


@pytest.fixture
def tasks(database: Database, tmp_path: Path) -> TaskManager:
    """A task manager whose changes are counted."""
    counter, logs = NumberCounter(), Logs(tmp_path / "logs", 4096)
    catalogue = load_catalogue(SOFTWARE, COMPUTING)
    events, keys = Broadcaster(), Keys(tmp_path)
    return TaskManager(
        database, catalogue, keys, logs, events, lambda _: None, counter.watch, counter.plan
    )


def run(tasks: TaskManager, server: str) -> Task:
    """Start a task, and let its agent say that it runs."""
    task = start_task(tasks, server, {"software": "echo"}, ALICE)
    tasks.report(task, report("running"))
    return tasks.find(task.id)


def read(database: Database) -> list[tuple[int, int, int]]:
    """Starts, failures and the most that ran, by day."""
    return [(row.starts, row.failures, row.most_running) for row in DailyReport(database).rows(30)]


def test_starts_failures_and_what_runs_are_counted(tasks: TaskManager) -> None:
    database = tasks.database
    first, second = run(tasks, "one"), run(tasks, "two")
    assert read(database) == [(2, 0, 2)]
    tasks.delete(tasks.fail(first, "oom"))
    tasks.stopped(second)
    assert read(database) == [(2, 1, 2)]
    run(tasks, "two")
    assert read(database) == [(3, 1, 2)]


async def test_what_runs_over_midnight_counts_on_both_days(
    tasks: TaskManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tasks, "one")
    monkeypatch.setattr(module, "utc_now", lambda: utc_now() + timedelta(days=1))
    daily = DailyReport(tasks.database)
    await daily.step()
    await daily.step()
    assert [(row.starts, row.most_running) for row in daily.rows(2)] == [(1, 1), (0, 1)]
    assert len(daily.rows(1)) == 1
