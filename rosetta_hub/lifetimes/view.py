"""The planned end of a task as the REST API shows it."""

from datetime import datetime

from pydantic import BaseModel

from rosetta_hub.catalogue.lifetimes import Lifetime
from rosetta_hub.catalogue.units import format_duration
from rosetta_hub.database.models import Task, TaskState
from rosetta_hub.lifetimes.ends import End, EndReason
from rosetta_hub.lifetimes.lifetimes import Lifetimes


class LifetimeView(BaseModel):
    """When a task ends by itself. Times are ISO 8601 in UTC, durations seconds.

    `ends_at` is null where no end is planned. `why` is its reason (`idle`, `too_long`, `stop_at`,
    `not_allowed`), `message` the reason in words. `asks`: the end is near, and its user should be
    asked whether to keep the task; `keepable`: whoever asks may. `idle_timeout` and `longest` are
    what the configuration says of such tasks.
    """

    ends_at: datetime | None = None
    why: str | None = None
    message: str = ""
    keepable: bool = False
    asks: bool = False
    stop_at: datetime | None = None
    idle_since: datetime | None = None
    idle_timeout: int | None = None
    longest: int | None = None


def view_lifetime(
    task: Task, lifetimes: Lifetimes, may_keep: bool = False, may_extend: bool = False
) -> LifetimeView:
    """The planned end of a task, for somebody who may keep it, or even beyond its longest life."""
    entry, end = lifetimes.entry_of(task), lifetimes.end_of(task)
    active = not task.state.final
    return LifetimeView(
        ends_at=end.at if end else None,
        why=end.why.value if end else None,
        message=_message(end, entry) if end else _unknown(task, entry),
        keepable=end is not None and may_keep and _may_keep(end, may_extend),
        asks=end is not None and lifetimes.is_asked(end),
        stop_at=task.stop_at if active else None,
        idle_since=task.idle_since if task.state is TaskState.RUNNING else None,
        idle_timeout=entry.idle_timeout if entry else None,
        longest=entry.longest if entry else None,
    )


def _may_keep(end: End, may_extend: bool) -> bool:
    return end.keepable or (may_extend and end.why is EndReason.TOO_LONG)


def _unknown(task: Task, entry: Lifetime | None) -> str:
    """What keeps a task from ever being idle; empty where nothing does."""
    if entry is None or entry.idle_timeout is None or task.cpu_seconds is not None:
        return ""
    last_heartbeat, started = task.last_heartbeat, task.started
    # The first report of a container that has just started may come without.
    if task.state is not TaskState.RUNNING or not (
        last_heartbeat and started and last_heartbeat > started
    ):
        return ""
    return "Its CPU time is not known, so it never counts as idle."


def _message(end: End, entry: Lifetime | None) -> str:
    if end.why is EndReason.IDLE and entry is not None and entry.idle_timeout:
        idle = format_duration(entry.idle_timeout)
        return f"Nobody uses it, and it computes nothing: after {idle} of that it is stopped."
    if end.why is EndReason.TOO_LONG and entry is not None and entry.longest:
        return f"Such tasks run for {format_duration(entry.longest)} at most."
    if end.why is EndReason.NOT_ALLOWED:
        return "Its owner is in no group any more that may use it: ask an administrator."
    return "This time was chosen for its end."
