"""Asks about tasks whose end is near, and stops those whose time is over."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from rosetta_hub.audit.log import SERVICE, AuditEvent, AuditLog
from rosetta_hub.catalogue.lifetimes import Lifetime
from rosetta_hub.database.models import DesiredState, Task, TaskState
from rosetta_hub.edge.client import Activity
from rosetta_hub.errors import EdgeUnavailable, NotFound
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.lifetimes.ends import End, EndReason
from rosetta_hub.lifetimes.idle import WINDOW, CpuUse, IdleWatch
from rosetta_hub.lifetimes.lifetimes import Lifetimes
from rosetta_hub.tasks.liveness import HEARTBEATS_UNTIL_UNRESPONSIVE
from rosetta_hub.tasks.manager import TaskManager

log = logging.getLogger(__name__)

# Seconds.
INTERVAL = 30.0
# How often the hub is told that a task waits or computes. Its cullers work with tens of minutes.
TELL_HUB = timedelta(minutes=5)
# How tasks are measured that may be idle for as long as they like.
_UNLIMITED = Lifetime(idle_timeout=int(WINDOW.total_seconds()))


def interval_of(entries: Sequence[Lifetime]) -> float:
    """Seconds between two rounds: a tenth of the shortest notice, so that nobody is asked late.

    At least one, and at most half a minute.
    """
    return max(1.0, min([INTERVAL, *(entry.notice / 10 for entry in entries)]))


class LifetimeEnforcer:
    """A round reads the active tasks by turns, and writes those that have changed.

    `note_use` is called with tasks that wait or compute: the hub's own idle culler counts as use
    what it is told, and must stop neither what is in a queue nor what works without being watched.
    """

    def __init__(
        self,
        tasks: TaskManager,
        edge: EdgePublisher,
        lifetimes: Lifetimes,
        audit: AuditLog,
        note_use: Callable[[Task, datetime], None],
        heartbeat_interval: int,
    ) -> None:
        self._tasks = tasks
        self._edge = edge
        self._lifetimes = lifetimes
        self._audit = audit
        self._note_use = note_use
        # When, by a task and whether it ran: the first use of one that has waited is told at once.
        self._told: dict[tuple[str, bool], datetime] = {}
        liveness_timeout = timedelta(seconds=HEARTBEATS_UNTIL_UNRESPONSIVE * heartbeat_interval)
        self._idle = IdleWatch(liveness_timeout)

    async def step(self) -> None:
        """One round.

        Raises:
            EdgeUnavailable: it does not answer: no task is stopped as idle in this round.
        """
        tasks = await self._tasks.active_by_turns()
        unanswered: EdgeUnavailable | None = None
        try:
            tasks = await self._measure(tasks)
        except EdgeUnavailable as error:
            unanswered = error
        for task in tasks:
            end = self._lifetimes.end_of(task)
            if unanswered is None or end is None or end.why is not EndReason.IDLE:
                self._act(task, end)
        if unanswered is not None:
            raise unanswered

    async def _measure(self, tasks: Sequence[Task]) -> list[Task]:
        """The tasks, with those that are idle marked."""
        limits = {
            task.id: lifetime
            for task in tasks
            if (lifetime := self._lifetimes.entry_of(task)) and lifetime.idle_timeout
        }
        now = self._lifetimes.clock().now
        uses = self._measure_use(tasks, limits, now)
        watched = {task_id: limits[task_id] for task_id in uses if task_id in limits}
        if not watched:
            return list(tasks)
        activity = await self._edge.activity()
        measured = []
        for task in tasks:
            lifetime = watched.get(task.id)
            if lifetime is not None:
                traffic = _last_traffic(activity.get(task.id))
                since = self._idle.idle_since(task, lifetime, uses[task.id], traffic, now)
                task = self._mark(task, since)
            measured.append(task)
        return measured

    def _measure_use(
        self, tasks: Sequence[Task], limits: Mapping[str, Lifetime], now: datetime
    ) -> dict[str, CpuUse]:
        """The use of the CPUs by those that run; the hub is told of what is no idle task."""
        running = [task for task in tasks if task.state is TaskState.RUNNING]
        self._idle.forget_others(task.id for task in running)
        active = {task.id for task in tasks}
        self._told = {key: time for key, time in self._told.items() if key[0] in active}
        uses = {
            task.id: self._idle.measure(task, limits.get(task.id, _UNLIMITED), now)
            for task in running
        }
        for task in tasks:
            is_busy = uses.get(task.id, CpuUse.BUSY) is CpuUse.BUSY
            if is_busy and task.desired_state is DesiredState.RUN:
                self._tell_hub(task, now)
        return uses

    def _mark(self, task: Task, since: datetime | None) -> Task:
        if since == task.idle_since:
            return task

        def mark(row: Task) -> None:
            row.idle_since = since

        return self._update(task, mark)

    def _tell_hub(self, task: Task, now: datetime) -> None:
        key = (task.id, task.state is TaskState.RUNNING)
        told_at = self._told.get(key)
        if told_at is None or now - told_at >= TELL_HUB:
            self._told[key] = now
            self._note_use(task, now)

    def _act(self, task: Task, end: End | None) -> None:
        if end is None or not self._lifetimes.is_asked(end):
            if task.end_announced is not None:
                self._update(task, lambda row: setattr(row, "end_announced", None))
        elif task.end_announced is None:
            self._announce(task, end)
        elif self._lifetimes.clock().now >= end.at:
            self._stop(task)

    def _announce(self, task: Task, end: End) -> None:
        log.info("%s: ends at %s (%s)", task.id, end.at, end.why.value)
        now = self._lifetimes.clock().now
        self._update(task, lambda row: setattr(row, "end_announced", now))

    def _stop(self, task: Task) -> None:
        ended: list[End] = []

        def stop(row: Task) -> None:
            # Somebody may have kept it a moment ago.
            end = self._lifetimes.end_of(row)
            if end is not None and self._lifetimes.clock().now >= end.at:
                row.desired_state, row.reason = DesiredState.STOP, end.why.value
                row.detail = self._lifetimes.detail(row, end)
                ended.append(end)

        self._update(task, stop)
        for end in ended:
            log.info("%s: stopped (%s)", task.id, end.why.value)
            detail = {"why": end.why.value}
            self._audit.record(
                AuditEvent.TASK_STOP, SERVICE, user=task.user, task=task.id, detail=detail
            )

    def _update(self, task: Task, change: Callable[[Task], None]) -> Task:
        try:
            return self._tasks.update(task, change)
        except NotFound:
            # Deleted, or started anew, while this round went on.
            return task


def _last_traffic(traffic: Activity | None) -> datetime | None:
    if traffic is None or traffic.last_request is None:
        return None
    return datetime.fromtimestamp(traffic.last_request / 1000, UTC)
