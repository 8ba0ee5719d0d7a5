"""The events of tasks' pods, which are asked for no more often than they tell something."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from rosetta_hub.database.models import Task
from rosetta_hub.resources.kubernetes.namespace_queue import KubernetesQueue
from rosetta_hub.resources.kubernetes.reports import is_being_prepared, wants_events

Document = dict[str, Any]
# A task and its attempt.
Key = tuple[str, int]

# Seconds from one look at the events of a pod that is being prepared to the next. Most are ready
# before the first: their images are on the node.
INTERVAL = 2.0


@dataclass
class _Reading:
    due: float
    events: list[Document] = field(default_factory=list)


class PodEvents:
    """One a Kubernetes resource."""

    def __init__(self, queue: KubernetesQueue) -> None:
        self._queue = queue
        self._readings: dict[Key, _Reading] = {}

    def forget_others(self, attempts: set[Key]) -> None:
        """Keep what is known of these attempts alone."""
        for key in self._readings.keys() - attempts:
            del self._readings[key]

    async def read(self, task: Task, pod: Document) -> list[Document]:
        """The events of a pod, oldest first, as far as they matter now.

        Raises:
            ResourceUnavailable: the server has not answered.
        """
        if not wants_events(pod):
            return []
        now = asyncio.get_running_loop().time()
        reading = self._readings.setdefault((task.id, task.attempt), _Reading(now + INTERVAL))
        if is_being_prepared(pod) and now < reading.due:
            return reading.events
        reading.due = now + INTERVAL
        reading.events = await self._queue.events(task)
        return reading.events
