"""Records of ended tasks end, too."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import cast

import pytest

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.errors import HubUnavailable, UserError
from rosetta_hub.hub.client import HubClient
from rosetta_hub.periodic.retention import Retention
from rosetta_hub.tasks.report import LogChunk
from tests.support.starting import start_task

from .conftest import ALICE, Bench
from .test_history import add_history, counted_rows
from .test_manager import report


@dataclass
class Hub:
    """A hub, and which servers it was told to remove."""

    removed: list[tuple[str, str]] = field(default_factory=list)
    fault: Exception | None = None

    async def stop_server(self, user: str, server_name: str, remove: bool = False) -> None:
        if self.fault:
            raise self.fault
        assert remove
        self.removed.append((user, server_name))


def ended(bench: Bench, name: str, days: float, user: User = ALICE) -> Task:
    """A task that ended so many days ago, with a log."""
    tasks = bench.tasks
    task = start_task(tasks, name, {"software": "echo"}, user)
    log = LogChunk(offset=0, text="said\n")
    tasks.report(task, report("running").model_copy(update={"log": log}))
    tasks.stopped(tasks.find(task.id))

    def age(row: Task) -> None:
        row.ended = utc_now() - timedelta(days=days)
        row.created = row.ended - timedelta(hours=1)

    return tasks.update(tasks.find(task.id), age)


def left(bench: Bench) -> list[str]:
    """The servers whose records are kept; the others are deleted, as the reconciler does it."""
    for task in bench.tasks.all():
        if task.forget:
            assert task.state.final
            bench.tasks.delete(task)
    return sorted(task.server_name for task in bench.tasks.all())


def retention(bench: Bench, hub: Hub, days: int = 0, most: int = 0) -> Retention:
    settings = Rosetta(ended_tasks_days=days, ended_tasks_per_user=most)
    return Retention(bench.tasks, cast(HubClient, hub), settings)


async def test_old_tasks_are_deleted_with_their_logs(bench: Bench) -> None:
    old, hub = ended(bench, "old", 31), Hub()
    ended(bench, "", 31)
    ended(bench, "new", 29)
    start_task(bench.tasks, "active", {"software": "echo"}, ALICE)
    await retention(bench, hub, days=30).step()
    assert left(bench) == ["active", "new"]
    assert hub.removed == [("alice", "old")]
    assert bench.tasks.logs.read(old.id, old.attempt) == ""


async def test_the_newest_of_each_user_are_kept(bench: Bench) -> None:
    hub, bob = Hub(), User("bob")
    for number in range(4):
        ended(bench, f"a{number}", number)
    ended(bench, "b", 99, bob)
    step = retention(bench, hub, most=2).step
    await step()
    assert left(bench) == ["a0", "a1", "b"]
    for number in (1, 2, 3):
        ended(bench, f"b{number}", -number, bob)
    await step()
    assert left(bench) == ["a0", "a1", "b2", "b3"]


async def test_zero_keeps_everything(bench: Bench) -> None:
    ended(bench, "old", 10000)
    await retention(bench, Hub()).step()
    assert left(bench) == ["old"]


async def test_a_task_that_was_started_again_stays(bench: Bench) -> None:
    old = ended(bench, "old", 31)
    step = retention(bench, Hub(), days=30)
    start_task(bench.tasks, "old", {"software": "echo"}, ALICE)
    await step._delete(old)
    assert left(bench) == ["old"]


@pytest.mark.parametrize("fault", [HubUnavailable("no answer"), UserError("it is pending")])
async def test_what_the_hub_did_not_remove_is_kept(bench: Bench, fault: Exception) -> None:
    ended(bench, "old", 31)
    hub = Hub(fault=fault)
    step = retention(bench, hub, days=30, most=1).step
    if isinstance(fault, HubUnavailable):
        with pytest.raises(HubUnavailable):
            await step()
    else:
        await step()
    assert left(bench) == ["old"]
    hub.fault = None
    await step()
    assert left(bench) == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_round_reads_nothing_of_what_is_kept(bench: Bench) -> None:
    add_history(bench.tasks.database, "local")
    step = retention(bench, Hub(), days=30, most=100).step
    await step()
    with counted_rows(bench.tasks.database) as counts:
        await step()
    assert (counts["rows"], counts["scans"]) == (0, 0)
