"""Changes of tasks, for who has to act on them in the same transaction."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.options import TaskSpec
from rosetta_hub.database.models import Task, TaskState


@dataclass(frozen=True)
class Before:
    """What a task was before a change."""

    state: TaskState
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, task: Task) -> "Before":
        """What the task is now."""
        return cls(task.state, tuple(task.warnings))


# Called with the session of the change, which it may write with: both are kept, or neither is.
Watcher = Callable[[Session, Before, Task], None]


# Called with the session that begins an attempt of a task, for what belongs to the attempt.
Planner = Callable[[Session, Task, TaskSpec, User], None]


def plan_nothing(_session: Session, _task: Task, _spec: TaskSpec, _user: User) -> None:
    """For a manager whose attempts need nothing else."""


def watch_nothing(_session: Session, _before: Before, _task: Task) -> None:
    """For a manager whose changes concern nobody else."""
