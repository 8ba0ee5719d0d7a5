"""Changes of tasks, for who has to act on them in the same transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.options import TaskSpec
from rosetta_hub.database.models import Task, TaskState


@dataclass(frozen=True)
class Before:
    """What a task was before a change."""

    state: TaskState
    warnings: tuple[str, ...]
    end_announced: datetime | None = None

    @classmethod
    def of(cls, task: Task) -> "Before":
        """What the task is now."""
        return cls(task.state, tuple(task.warnings), task.end_announced)


# Called with the session of the change, which it may write with: both are kept, or neither is.
Watcher = Callable[[Session, Before, Task], None]


# Called with a task and the state that a report of its agent has brought, as the agent names it.
ReportNote = Callable[[Task, str], None]


# Called with the session that begins an attempt of a task, for what belongs to the attempt.
Planner = Callable[[Session, Task, TaskSpec, User], None]


def plan_all(*planners: Planner) -> Planner:
    """A planner that calls others."""

    def plan(session: Session, task: Task, spec: TaskSpec, user: User) -> None:
        for planner in planners:
            planner(session, task, spec, user)

    return plan


def watch_all(*watchers: Watcher) -> Watcher:
    """A watcher that calls others."""

    def watch(session: Session, before: Before, task: Task) -> None:
        for watcher in watchers:
            watcher(session, before, task)

    return watch


def plan_nothing(_session: Session, _task: Task, _spec: TaskSpec, _user: User) -> None:
    """For a manager whose attempts need nothing else."""


def watch_nothing(_session: Session, _before: Before, _task: Task) -> None:
    """For a manager whose changes concern nobody else."""


def note_nothing(_task: Task, _state: str) -> None:
    """For a manager whose reports concern nobody else."""
