"""The logs of tasks that are pods: read while somebody looks, when they begin, and at their end.

A thousand tasks that nobody looks at cost the API server no request.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from rosetta_hub.background import gather_limited
from rosetta_hub.database.models import Task
from rosetta_hub.errors import NotFound, ResourceUnavailable
from rosetta_hub.resources.kubernetes.log_lines import parse_log
from rosetta_hub.resources.kubernetes.namespace_queue import LOG_BYTES, KubernetesQueue
from rosetta_hub.resources.kubernetes.states import container_state
from rosetta_hub.tasks.manager import TaskManager

log = logging.getLogger(__name__)

Document = dict[str, Any]
# A task and its attempt.
Key = tuple[str, int]

# Seconds between two looks at the log of a task whose page is open.
FOLLOW_INTERVAL = 2.0
# Logs that are read together.
AT_ONCE = 8
# Characters of an event for open pages.
_CHUNK = 16 * 1024


@dataclass
class _Reading:
    """How far a log was read. `last` is the time of its last line; None: it was not begun."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    last: str | None = None
    is_begun: bool = False


class PodLogs:
    """One a Kubernetes resource; hands what is new to the task manager."""

    def __init__(self, computing: str, queue: KubernetesQueue, tasks: TaskManager) -> None:
        self._computing = computing
        self._queue = queue
        self._tasks = tasks
        self._readings: defaultdict[Key, _Reading] = defaultdict(_Reading)

    async def follow(self) -> None:
        """Read what is new of the tasks that pages show now.

        Raises:
            ResourceUnavailable: nothing is known of the pods now.
        """
        followed = self._tasks.events.followed()
        if not followed:
            return
        pods = {self._queue.owner(pod): pod for pod in self._queue.pods.all().values()}
        pairs = [
            (task, pod)
            for task in self._tasks.active(self._computing)
            if task.id in followed and (pod := pods.get((task.id, task.attempt))) is not None
        ]
        await gather_limited(AT_ONCE, lambda pair: self._read_if_there(*pair), pairs)

    def forget_others(self, attempts: set[Key]) -> None:
        """Keep what is known of these attempts alone."""
        for key in self._readings.keys() - attempts:
            del self._readings[key]

    async def read(self, task: Task, pod: Document, only_begin: bool) -> None:
        """Keep what is new of the log; with `only_begin`, unless it was read before.

        Raises:
            NotFound: the attempt is over as far as its row says.
        """
        if not _has_log(pod):
            return
        reading = self._readings[task.id, task.attempt]
        if only_begin and reading.is_begun:
            return
        reading.is_begun = True
        async with reading.lock:
            try:
                while await self._read_part(task, pod, reading):
                    pass
            except ResourceUnavailable as error:
                # Its node may not answer; the task goes on, or ends, all the same.
                log.warning("%s: its log can't be read: %s", task.id, error)

    async def _read_if_there(self, task: Task, pod: Document) -> None:
        # It may have been deleted, or have begun anew, meanwhile.
        with contextlib.suppress(NotFound):
            await self.read(task, pod, only_begin=False)

    async def _read_part(self, task: Task, pod: Document, reading: _Reading) -> bool:
        """Take one answer; returns whether there is more."""
        answer = await self._queue.log(pod, reading.last)
        part = parse_log(answer, reading.last, LOG_BYTES)
        text = part.text
        if reading.last is None:
            # Another process of the service may have read its beginning.
            received = self._tasks.logs.received(task.id, task.attempt)
            text = text.encode()[received:].decode(errors="replace")
        for start in range(0, len(text), _CHUNK):
            self._tasks.add_to_log(task, text[start : start + _CHUNK])
        has_advanced = part.last != reading.last
        reading.last = part.last
        return part.is_cut and has_advanced


def _has_log(pod: Document) -> bool:
    state = container_state(pod)
    return "running" in state or "terminated" in state
