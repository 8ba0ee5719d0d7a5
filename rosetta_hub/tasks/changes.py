"""Changes of tasks, for who has to act on them in the same transaction."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

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


def watch_nothing(_session: Session, _before: Before, _task: Task) -> None:
    """For a manager whose changes concern nobody else."""
