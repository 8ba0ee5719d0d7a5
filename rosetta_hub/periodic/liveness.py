"""Tells the open pages when an agent falls silent, and when it is heard of again."""

from rosetta_hub.config import Rosetta
from rosetta_hub.tasks.liveness import unresponsive_since
from rosetta_hub.tasks.manager import TaskManager


class LivenessWatcher:
    """A heartbeat that is missing changes no row, so nobody else would say that there is news."""

    def __init__(self, tasks: TaskManager, settings: Rosetta) -> None:
        self._tasks = tasks
        self._heartbeat = settings.heartbeat_interval
        self._unresponsive: set[str] = set()

    async def step(self) -> None:
        """One round; meant for each heartbeat."""
        tasks = await self._tasks.active_by_turns()
        unresponsive = {task.id for task in tasks if unresponsive_since(task, self._heartbeat)}
        changed, self._unresponsive = unresponsive ^ self._unresponsive, unresponsive
        for task in tasks:
            if task.id in changed:
                self._tasks.changed(task)
