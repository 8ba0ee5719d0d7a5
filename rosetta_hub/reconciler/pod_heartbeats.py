"""Heartbeats of tasks whose pods run and have nothing new to tell: one statement for all."""

from typing import Any

from rosetta_hub.database.models import Task, TaskState
from rosetta_hub.tasks.manager import TaskManager

Document = dict[str, Any]
# A task and its attempt.
Key = tuple[str, int]


class PodHeartbeats:
    """One a Kubernetes resource; `interval` is in seconds of the event loop's clock."""

    def __init__(self, tasks: TaskManager, interval: float) -> None:
        self._tasks = tasks
        self._interval = interval
        self._due = 0.0
        # What was last reported of tasks that run.
        self._reported: dict[Key, Document] = {}

    def is_news(self, task: Task, report: Document) -> bool:
        """Whether a report, without its sequence, tells something, or a heartbeat would do."""
        key = (task.id, task.attempt)
        last = self._reported.pop(key, None)
        if report["state"] == "running":
            self._reported[key] = report
        return task.state is not TaskState.RUNNING or report != last

    def forget(self, task: Task) -> None:
        """Send no more of them for a task of which nothing is known now."""
        self._reported.pop((task.id, task.attempt), None)

    def forget_others(self, attempts: set[Key]) -> None:
        """Keep what is known of these attempts alone."""
        for key in self._reported.keys() - attempts:
            del self._reported[key]

    def send(self, now: float) -> None:
        """Note that the tasks go on, where it is time for that."""
        if now >= self._due:
            self._due = now + self._interval
            self._tasks.note_heartbeats(self._reported)
