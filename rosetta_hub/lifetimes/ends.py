"""When a task ends by itself, and why: a pure decision about a row, at a given time."""

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

from rosetta_hub.catalogue.lifetimes import Lifetime
from rosetta_hub.catalogue.units import parse_duration
from rosetta_hub.database.models import DesiredState, Task, TaskState


class EndReason(enum.StrEnum):
    """Why a task ends by itself; the reasons that ended tasks have."""

    IDLE = "idle"
    TOO_LONG = "too_long"
    STOP_AT = "stop_at"
    NOT_ALLOWED = "not_allowed"


@dataclass(frozen=True)
class End:
    """The end of a task as it is planned now.

    `keepable` tells whether its user may keep the task nevertheless, `asked_from` is when the user
    is asked.
    """

    at: datetime
    why: EndReason
    keepable: bool
    asked_from: datetime


@dataclass(frozen=True)
class Clock:
    """The time, and since when the service can be asked to keep a task."""

    now: datetime
    began: datetime


NOTHING = Lifetime()


def planned_ends(task: Task, lifetime: Lifetime | None, clock: Clock) -> list[End]:
    """All ends that are planned for a task, the next one first.

    Nothing ends without an announcement `notice` seconds before, made by a service that could be
    answered; but for a time that was chosen for the task and comes sooner.
    """
    if task.state.final or task.desired_state is DesiredState.STOP:
        return []
    rules = lifetime or NOTHING
    plans = (_idle, _too_long, _chosen, _denied)
    ends = (plan(task, rules, clock) for plan in plans)
    return sorted((end for end in ends if end is not None), key=lambda end: end.at)


def next_end(task: Task, lifetime: Lifetime | None, clock: Clock) -> End | None:
    """The end that comes first; None where the task goes on until somebody stops it."""
    return next(iter(planned_ends(task, lifetime, clock)), None)


def chosen_end(task: Task) -> datetime | None:
    """When a task that has just started running ends by choice of its user; None: not so.

    `stop_after` counts from the start, however long the task has waited for it.
    """
    after = task.options.get("stop_after")
    if after is None or task.started is None:
        return task.stop_at
    return task.started + timedelta(seconds=parse_duration(after))


def _idle(task: Task, rules: Lifetime, clock: Clock) -> End | None:
    if rules.idle_timeout is None or task.idle_since is None or not _is_running(task):
        return None
    at = _latest(task.idle_since + timedelta(seconds=rules.idle_timeout), task.kept_until)
    return _announced(at, EndReason.IDLE, True, task, rules, clock)


def _too_long(task: Task, rules: Lifetime, clock: Clock) -> End | None:
    if rules.longest is None or task.started is None or not _is_running(task):
        return None
    at = _latest(task.started + timedelta(seconds=rules.longest), task.extended_until)
    return _announced(at, EndReason.TOO_LONG, rules.may_extend, task, rules, clock)


def _chosen(task: Task, rules: Lifetime, clock: Clock) -> End | None:
    if task.stop_at is None:
        return None
    notice = timedelta(seconds=rules.notice)
    # It came while nobody could change it.
    at = task.stop_at if task.stop_at >= clock.began else clock.began + notice
    return End(at, EndReason.STOP_AT, True, at - notice)


def _denied(task: Task, rules: Lifetime, clock: Clock) -> End | None:
    if task.denied_since is None:
        return None
    at = task.denied_since + timedelta(seconds=rules.notice)
    return _announced(at, EndReason.NOT_ALLOWED, False, task, rules, clock)


def _announced(
    at: datetime, why: EndReason, keepable: bool, task: Task, rules: Lifetime, clock: Clock
) -> End:
    notice = timedelta(seconds=rules.notice)
    announced = clock.now if task.end_announced is None else task.end_announced
    at = max(at, max(announced, clock.began) + notice)
    return End(at, why, keepable, at - notice)


def _is_running(task: Task) -> bool:
    return task.state is TaskState.RUNNING and task.started is not None


def _latest(at: datetime, kept_until: datetime | None) -> datetime:
    return at if kept_until is None else max(at, kept_until)
