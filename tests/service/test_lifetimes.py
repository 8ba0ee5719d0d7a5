"""When tasks end by themselves: the decision, at times that the test chooses."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.catalogue.lifetimes import Lifetime
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import DesiredState, Task, TaskState
from rosetta_hub.errors import ConfigError, Conflict, InvalidOptions, NotAllowed
from rosetta_hub.lifetimes.ends import EndReason
from rosetta_hub.lifetimes.lifetimes import Lifetimes
from rosetta_hub.lifetimes.view import view_lifetime
from rosetta_hub.periodic.lifetimes import interval_of
from tests.support.catalogues import CLUSTER, LOCAL
from tests.support.starting import start_task

from .conftest import ALICE, SOFTWARE, Bench
from .test_manager import report

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
OTHER = {"name": "Other", "image_name": "rosetta/other"}


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@dataclass
class Clock:
    """A clock that stands until the test moves it."""

    time: datetime = NOON

    def __call__(self) -> datetime:
        return self.time


class Life:
    """A running task of alice's, started at noon, and its lifetimes."""

    def __init__(self, *entries: dict[str, Any], groups: tuple[str, ...] = ()) -> None:
        self.clock = Clock()
        catalogue = load_catalogue([*SOFTWARE, OTHER], [LOCAL, CLUSTER], (), (), entries)
        self.lifetimes = Lifetimes(catalogue.lifetimes, self.clock)
        self.task = Task(
            id="0123456789ab",
            user="alice",
            family="echo",
            computing="local",
            state=TaskState.RUNNING,
            desired_state=DesiredState.RUN,
            started=NOON,
            owner_groups=list(groups),
            options={},
        )

    def wait(self, number: float) -> None:
        self.clock.time = NOON + minutes(number)

    def end(self) -> tuple[EndReason, float] | None:
        """Why the task ends, and how many minutes after noon."""
        end = self.lifetimes.end_of(self.task)
        return None if end is None else (end.why, (end.at - NOON) / minutes(1))

    def restart_service(self) -> None:
        self.lifetimes.began = self.clock.time


IDLE = {"idle_timeout": "2h"}
LONGEST = {"longest": "12h"}


def test_without_an_entry_nothing_ends() -> None:
    life = Life()
    life.task.idle_since = NOON
    life.wait(100000)
    assert life.end() is None


def test_an_idle_task_ends_after_the_timeout_and_a_used_one_does_not() -> None:
    life = Life(IDLE)
    life.wait(90)
    assert life.end() is None
    life.task.idle_since = NOON + minutes(30)
    assert life.end() == (EndReason.IDLE, 150)


def test_a_task_ends_at_its_longest_lifetime_whatever_it_does() -> None:
    life = Life(LONGEST)
    assert life.end() == (EndReason.TOO_LONG, 720)


def test_the_end_that_comes_first_counts() -> None:
    life = Life(IDLE | LONGEST)
    life.task.idle_since = NOON + minutes(30)
    assert life.end() == (EndReason.IDLE, 150)
    life.task.stop_at = NOON + minutes(20)
    assert life.end() == (EndReason.STOP_AT, 20)
    life.task.stop_at, life.task.idle_since = None, NOON + minutes(700)
    assert life.end() == (EndReason.TOO_LONG, 720)


def test_nobody_is_stopped_without_having_been_asked() -> None:
    """The edge did not answer for hours, or the configuration is a new one."""
    life = Life(IDLE)
    life.wait(300)
    life.task.idle_since = NOON
    assert life.end() == (EndReason.IDLE, 310)
    life.task.end_announced = life.clock.time
    life.wait(305)
    assert life.end() == (EndReason.IDLE, 310)


@pytest.mark.parametrize("column", ["idle_since", "started", "stop_at"])
def test_a_service_that_was_down_gives_users_time_to_answer(column: str) -> None:
    """However long it is since the end was announced."""
    life = Life(IDLE if column == "idle_since" else LONGEST)
    life.task.started = NOON - minutes(1000) if column == "started" else NOON
    setattr(life.task, column, NOON - minutes(1000))
    life.task.end_announced = NOON - minutes(10)
    life.wait(60)
    life.restart_service()
    life.wait(63)
    end = life.end()
    assert end is not None
    assert end[1] == 70


def test_a_time_chosen_for_the_next_minutes_is_kept() -> None:
    life = Life()
    life.wait(1)
    life.lifetimes.stop_at(life.task, NOON + minutes(3))
    assert life.end() == (EndReason.STOP_AT, 3)


def test_users_are_asked_ten_minutes_before_or_as_configured() -> None:
    life = Life(LONGEST)
    life.wait(709)
    assert not view_lifetime(life.task, life.lifetimes).asks
    life.wait(710)
    assert view_lifetime(life.task, life.lifetimes).asks
    life = Life(LONGEST | {"notice": "1h"})
    life.wait(661)
    assert view_lifetime(life.task, life.lifetimes).asks


def test_an_idle_task_that_is_kept_has_its_whole_time_again() -> None:
    life = Life(IDLE)
    life.task.idle_since, life.task.end_announced = NOON, NOON + minutes(110)
    life.wait(115)
    life.lifetimes.keep(life.task)
    assert life.end() == (EndReason.IDLE, 235)
    # It was used for a moment since.
    life.task.idle_since = NOON + minutes(200)
    assert life.end() == (EndReason.IDLE, 320)


def test_keeping_drops_a_chosen_time() -> None:
    life = Life()
    life.task.stop_at = NOON + minutes(60)
    life.lifetimes.keep(life.task)
    assert life.end() is None


def test_keeping_puts_off_every_end_that_its_user_is_asked_about() -> None:
    life = Life(IDLE)
    life.task.idle_since, life.task.stop_at = NOON, NOON + minutes(118)
    life.wait(112)
    life.lifetimes.keep(life.task)
    assert life.end() == (EndReason.IDLE, 232)


def test_a_longest_lifetime_is_not_the_users_to_extend() -> None:
    life = Life(LONGEST)
    with pytest.raises(NotAllowed, match="at most"):
        life.lifetimes.keep(life.task)
    view = view_lifetime(life.task, life.lifetimes, may_keep=True)
    assert (view.keepable, view.why) == (False, "too_long")
    assert view_lifetime(life.task, life.lifetimes, True, True).keepable
    life.wait(715)
    life.lifetimes.keep(life.task, may_extend=True)
    assert life.end() == (EndReason.TOO_LONG, 1435)


def test_a_longest_lifetime_may_be_the_users_to_extend() -> None:
    life = Life(LONGEST | {"may_extend": True})
    life.wait(715)
    life.lifetimes.keep(life.task)
    assert life.end() == (EndReason.TOO_LONG, 1435)


def test_nothing_to_keep() -> None:
    life = Life(IDLE)
    with pytest.raises(Conflict, match="Nothing ends"):
        life.lifetimes.keep(life.task)


def test_a_time_has_to_be_later_and_the_task_active() -> None:
    life = Life()
    with pytest.raises(InvalidOptions, match="has passed"):
        life.lifetimes.stop_at(life.task, NOON)
    life.lifetimes.stop_after(life.task, 3 * 3600)
    assert life.end() == (EndReason.STOP_AT, 180)
    life.task.state = TaskState.STOPPED
    assert life.end() is None
    with pytest.raises(Conflict, match="has ended"):
        life.lifetimes.stop_after(life.task, 60)


def test_what_waits_in_a_queue_ends_at_a_chosen_time_alone() -> None:
    life = Life(IDLE | LONGEST)
    life.task.state, life.task.started, life.task.idle_since = TaskState.QUEUED, None, NOON
    assert life.end() is None
    life.task.stop_at = NOON + minutes(60)
    assert life.end() == (EndReason.STOP_AT, 60)


@pytest.mark.parametrize(
    ("entry", "fits"),
    [
        ({}, True),
        ({"users": ["alice"]}, True),
        ({"users": ["bob"]}, False),
        ({"groups": ["staff"]}, True),
        ({"groups": ["courses"]}, False),
        ({"computing": ["local"]}, True),
        ({"computing": ["cluster"]}, False),
        ({"software": ["echo"]}, True),
        ({"software": ["other"]}, False),
        ({"users": ["alice"], "software": ["other"]}, False),
    ],
)
def test_the_first_entry_that_fits_counts(entry: dict[str, Any], fits: bool) -> None:
    life = Life(entry | {"longest": "1h"}, LONGEST, groups=("staff",))
    assert life.end() == (EndReason.TOO_LONG, 60 if fits else 720)


def test_an_entry_without_limits_is_an_exception_of_the_later_ones() -> None:
    assert Life({"groups": ["staff"]}, LONGEST, groups=("staff",)).end() is None


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"computing": ["nowhere"]}, "names ['nowhere'], which c.Rosetta.computing"),
        ({"software": ["nothing"]}, "names ['nothing'], which c.Rosetta.software"),
        ({"software": [""]}, "none of them empty"),
        ({"idle_timeout": "soon"}, "key 'idle_timeout'"),
        ({"idle_cpu": -1}, "key 'idle_cpu'"),
        ({"longest": 0}, "key 'longest'"),
        ({"idle": "2h"}, "unknown key 'idle'"),
    ],
)
def test_a_wrong_entry_is_refused(tmp_path: Path, entry: dict[str, Any], message: str) -> None:
    settings = Rosetta(
        software=SOFTWARE, computing=[LOCAL], lifetimes=[entry], tasks_url="http://127.0.0.1"
    )
    with pytest.raises(ConfigError, match=re.escape(message)) as error:
        settings.check()
    assert "c.Rosetta.lifetimes entry 1" in str(error.value)


@pytest.mark.parametrize(
    ("notices", "seconds"),
    [([], 30), (["10m"], 30), (["10m", "1m"], 6), (["5s"], 1)],
)
def test_nobody_is_asked_late(notices: list[str], seconds: float) -> None:
    entries = [Lifetime.model_validate({"notice": notice}) for notice in notices]
    assert interval_of(entries) == seconds


LATER = datetime.now(UTC) + timedelta(hours=5)


def test_the_time_chosen_at_the_start(bench: Bench) -> None:
    options = {"software": "echo", "stop_at": LATER.isoformat()}
    task = start_task(bench.tasks, "one", options, User("alice", frozenset({"b", "a"})))
    assert (task.stop_at, task.owner_groups) == (LATER, ["a", "b"])


def test_a_duration_chosen_at_the_start_counts_from_when_it_runs(bench: Bench) -> None:
    options = {"software": "echo", "stop_after": "3h"}
    task = start_task(bench.tasks, "one", options, ALICE)
    assert task.stop_at is None
    bench.tasks.report(task, report("running", interface={"kind": "socket"}))
    task = bench.tasks.find(task.id)
    assert task.started is not None
    assert task.stop_at == task.started + timedelta(hours=3)


def test_a_new_choice_replaces_that_of_the_start(bench: Bench) -> None:
    options = {"software": "echo", "stop_after": "3h"}
    task = start_task(bench.tasks, "one", options, ALICE)
    task = bench.tasks.update(task, lambda row: Lifetimes().stop_at(row, None))
    bench.tasks.report(task, report("running", interface={"kind": "socket"}))
    assert bench.tasks.find(task.id).stop_at is None


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"stop_at": "2020-01-01T00:00:00Z"}, "time has passed"),
        ({"stop_at": "2030-01-01T00:00:00"}, "'stop_at' can't be used"),
        ({"stop_after": "soon"}, "'stop_after' can't be used"),
        ({"stop_at": LATER.isoformat(), "stop_after": "3h"}, "either 'stop_at' or 'stop_after'"),
    ],
)
def test_a_choice_that_makes_no_sense(bench: Bench, choice: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidOptions, match=message):
        start_task(bench.tasks, "one", {"software": "echo", **choice}, ALICE)


def test_a_new_attempt_begins_a_new_life(bench: Bench) -> None:
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    columns = ("idle_since", "kept_until", "extended_until", "end_announced", "stop_at")

    def change(row: Task) -> None:
        for name in columns:
            setattr(row, name, NOON)
        row.state = TaskState.STOPPED

    bench.tasks.update(task, change)
    again = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    assert [getattr(again, name) for name in columns] == [None] * 5


def test_agents_that_stop_measuring_are_not_idle(bench: Bench) -> None:
    """The CPU time is unknown then, not the same as before."""
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    bench.tasks.report(task, report("running", 1, usage={"cpu_seconds": 3, "memory": 1}))
    assert bench.tasks.find(task.id).cpu_seconds == 3
    bench.tasks.report(bench.tasks.find(task.id), report("running", 2))
    assert bench.tasks.find(task.id).cpu_seconds is None
