"""What goes on where, and who uses what: counted by the database among the active tasks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel
from sqlalchemy import ColumnElement, func, select

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import DesiredState, Task, TaskState, utc_now
from rosetta_hub.tasks.liveness import HEARTBEATS_UNTIL_UNRESPONSIVE, is_suspended
from rosetta_hub.tasks.queries import ACTIVE

# Reasons for which the tasks of a resource wait, the most frequent ones.
MOST_REASONS = 5
STOPPING = "stopping"
NOTHING = (0, 0, 0, 0)


@dataclass
class ComputingNumbers:
    """The active tasks of one resource by their shown state, and for what their jobs wait."""

    states: dict[str, int] = field(default_factory=dict)
    waiting_for: dict[str, int] = field(default_factory=dict)
    unresponsive: int = 0
    last_failure: datetime | None = None


class UserNumbers(BaseModel):
    """What one user's active tasks have, and when the user was seen last at a task."""

    name: str
    active: int
    cpus: float
    memory: int
    memory_used: int
    tasks: int
    last_seen: datetime | None


class Overview:
    """Reads sums; never a task for each line of a page."""

    def __init__(self, database: Database, heartbeat_interval: int) -> None:
        self._database = database
        self._liveness_timeout = timedelta(
            seconds=HEARTBEATS_UNTIL_UNRESPONSIVE * heartbeat_interval
        )

    def computing(self) -> dict[str, ComputingNumbers]:
        """The numbers of each resource that has tasks, by its id."""
        resources: dict[str, ComputingNumbers] = {}

        def numbers(computing: str) -> ComputingNumbers:
            return resources.setdefault(computing, ComputingNumbers())

        for computing, state, desired, count in self._rows(_states()):
            label = STOPPING if desired is DesiredState.STOP else state.value
            states = numbers(computing).states
            states[label] = states.get(label, 0) + count
        for computing, job_state, reason, count in self._rows(_reasons()):
            waiting = numbers(computing).waiting_for
            if len(waiting) < MOST_REASONS:
                waiting[reason or job_state or "no reason given"] = count
        for task in self._unresponsive():
            numbers(task.computing).unresponsive += 1
        for computing, time in self._rows(_last_failures()):
            numbers(computing).last_failure = time
        return resources

    def users(self) -> list[UserNumbers]:
        """Everybody who has tasks, those with the most active ones first."""
        active = {user: sums for user, *sums in self._rows(_active_of_users())}
        users = []
        for user, count, created, activity in self._rows(_tasks_of_users()):
            last_seen = max((time for time in (created, activity) if time), default=None)
            sums = active.get(user, NOTHING)
            numbers, cpus, memory, used = (value or 0 for value in sums)
            # PostgreSQL's sums of bytes are decimals.
            users.append(
                UserNumbers(
                    name=user,
                    active=numbers,
                    cpus=cpus,
                    memory=int(memory),
                    memory_used=int(used),
                    tasks=count,
                    last_seen=last_seen,
                )
            )
        return sorted(users, key=lambda user: (-user.active, user.name))

    def _unresponsive(self) -> list[Task]:
        query = select(Task).where(
            Task.state.in_([TaskState.STARTING, TaskState.RUNNING]),
            Task.last_heartbeat < utc_now() - self._liveness_timeout,
        )
        with self._database.session() as session:
            return [task for task in session.scalars(query) if not is_suspended(task)]

    def _rows(self, query: Any) -> Sequence[Any]:
        with self._database.session() as session:
            return session.execute(query).all()


def _is_active() -> ColumnElement[bool]:
    return Task.state.in_(ACTIVE)


def _states() -> Any:
    kind = (Task.computing, Task.state, Task.desired_state)
    return select(*kind, func.count()).where(_is_active()).group_by(*kind)


def _reasons() -> Any:
    kind = (Task.computing, Task.job_state, Task.job_reason)
    query = select(*kind, func.count()).where(Task.state == TaskState.QUEUED, Task.job_id > "")
    return query.group_by(*kind).order_by(func.count().desc())


def _last_failures() -> Any:
    query = select(Task.computing, func.max(Task.ended)).where(Task.state == TaskState.FAILED)
    return query.group_by(Task.computing)


def _active_of_users() -> Any:
    query = select(
        Task.user,
        func.count(),
        func.sum(Task.cpus),
        func.sum(Task.memory),
        func.sum(Task.memory_used),
    )
    return query.where(_is_active()).group_by(Task.user)


def _tasks_of_users() -> Any:
    query = select(Task.user, func.count(), func.max(Task.created), func.max(Task.last_activity))
    return query.group_by(Task.user)
