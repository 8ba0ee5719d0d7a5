"""The lifetimes of the configuration, applied to tasks at the present time."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from rosetta_hub.catalogue.lifetimes import Lifetime, find_lifetime
from rosetta_hub.catalogue.units import format_duration
from rosetta_hub.database.models import Task, TaskState, utc_now
from rosetta_hub.errors import Conflict, InvalidOptions, NotAllowed
from rosetta_hub.lifetimes.ends import Clock, End, EndReason, next_end, planned_ends


class Lifetimes:
    """Plans the ends of tasks. `began` is since when users can ask for something else."""

    def __init__(
        self, entries: Sequence[Lifetime] = (), now: Callable[[], datetime] = utc_now
    ) -> None:
        self._entries = entries
        self._now = now
        self.began = now()

    def clock(self) -> Clock:
        """The present time."""
        return Clock(self._now(), self.began)

    def entry_of(self, task: Task) -> Lifetime | None:
        """The entry that counts for a task, by the groups that its owner had when it was started.

        None where no entry names it.
        """
        groups = frozenset(task.owner_groups)
        return find_lifetime(self._entries, task.user, groups, task.computing, task.family)

    def end_of(self, task: Task) -> End | None:
        """The next end of the task; None where none is planned."""
        return next_end(task, self.entry_of(task), self.clock())

    def is_asked(self, end: End) -> bool:
        """Whether the user is asked now whether the task should be kept."""
        return self.clock().now >= end.asked_from

    def detail(self, task: Task, end: End) -> str:
        """The duration that the reason of an end is about, in words; empty where there is none."""
        entry = self.entry_of(task)
        durations = {
            EndReason.IDLE: entry.idle_timeout if entry else None,
            EndReason.TOO_LONG: entry.longest if entry else None,
        }
        seconds = durations.get(end.why)
        return format_duration(seconds) if seconds else ""

    def keep(self, task: Task, may_extend: bool = False) -> None:
        """Put off the next end of a row, and all others that its user is asked about now.

        A time that was chosen for the end is dropped; idle time counts from now; the longest
        lifetime begins anew, where the configuration or `may_extend` allows that.

        Raises:
            Conflict: no end is planned.
            NotAllowed: the end is not the user's to put off.
        """
        clock, entry = self.clock(), self.entry_of(task)
        ends = planned_ends(task, entry, clock)
        if not ends:
            raise Conflict("Nothing ends this task by itself.")
        for number, end in enumerate(ends):
            if number == 0 or clock.now >= end.asked_from:
                _put_off(task, end, entry, clock.now, may_extend)
        task.end_announced = None

    def check_job_end(self, task: Task, seconds: int) -> datetime:
        """When the job of a running task ends with so many seconds more.

        Raises:
            Conflict: its scheduler has set no time limit.
            NotAllowed: the job would outlast the task's longest lifetime.
        """
        if task.state is not TaskState.RUNNING or task.job_id is None or task.ends_at is None:
            raise Conflict("This task has no time limit of a scheduler that could be put off.")
        ends_at, entry = task.ends_at + timedelta(seconds=seconds), self.entry_of(task)
        if entry is not None and entry.longest and task.started is not None:
            last = task.started + timedelta(seconds=entry.longest)
            if ends_at > max(last, task.extended_until or last):
                raise NotAllowed(
                    f"This task may run for {format_duration(entry.longest)} at most. Ask for less"
                    " time."
                )
        return ends_at

    def stop_at(self, task: Task, at: datetime | None) -> None:
        """Choose when an active task ends; None: not at a chosen time.

        Raises:
            InvalidOptions: the time has passed.
            Conflict: the task has ended.
        """
        if task.state.final:
            raise Conflict("The task has ended.")
        if at is not None and at <= self._now():
            raise InvalidOptions("This time has passed. Choose a later one.")
        task.stop_at, task.end_announced = at, None
        # What was chosen at the start is replaced, also if the task has not run yet.
        task.options = {key: value for key, value in task.options.items() if key != "stop_after"}

    def stop_after(self, task: Task, seconds: int) -> None:
        """Choose that an active task ends so many seconds from now.

        Raises:
            Conflict: the task has ended.
        """
        self.stop_at(task, self._now() + timedelta(seconds=seconds))


def _put_off(task: Task, end: End, entry: Lifetime | None, now: datetime, may_extend: bool) -> None:
    if end.why is EndReason.STOP_AT:
        task.stop_at = None
    elif entry is not None and end.why is EndReason.IDLE and entry.idle_timeout:
        task.kept_until = now + timedelta(seconds=entry.idle_timeout)
    elif entry is not None and end.why is EndReason.TOO_LONG and entry.longest:
        if not (end.keepable or may_extend):
            raise NotAllowed(
                f"This task may run for {format_duration(entry.longest)} at most. Save your work;"
                " you can start the task again. An administrator can give it more time."
            )
        task.extended_until = now + timedelta(seconds=entry.longest)
    elif end.why is EndReason.NOT_ALLOWED:
        raise NotAllowed(
            "Its owner is in no group any more that may use this task. Save your work, and ask an"
            " administrator."
        )


NO_LIFETIMES = Lifetimes()
