"""Tells the open pages when an agent falls silent, and when it is heard of again."""

from rosetta_hub.config import Rosetta
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tasks.silence import silent_since


class SilenceWatcher:
    """Silence changes no row, so nobody else would say that there is news."""

    def __init__(self, tasks: TaskManager, settings: Rosetta) -> None:
        self._tasks = tasks
        self._beat = settings.beat_interval
        self._silent: set[str] = set()

    async def step(self) -> None:
        """One round; meant for each beat."""
        tasks = self._tasks.active()
        silent = {task.id for task in tasks if silent_since(task, self._beat)}
        changed, self._silent = silent ^ self._silent, silent
        for task in tasks:
            if task.id in changed:
                self._tasks.changed(task)
