"""Live news of jobs, for the pages that are open."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator


class Changes:
    """The ids of jobs that have changed and that a page has not been told of yet.

    An id stands for any number of changes, so a slow page costs nothing but its own freshness.
    """

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self._event = asyncio.Event()

    def add(self, job_id: str) -> None:
        """Note a change."""
        self._ids[job_id] = None
        self._event.set()

    async def take(self) -> list[str]:
        """The ids, oldest change first; waits for one."""
        await self._event.wait()
        ids = list(self._ids)
        self._ids.clear()
        self._event.clear()
        return ids


class JobEvents:
    """Hands each change to those who listen to its topic, such as a user's name."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, set[Changes]] = defaultdict(set)

    @contextlib.contextmanager
    def listen(self, topic: str) -> Iterator[Changes]:
        """The changes of the topic's jobs from now on."""
        changes = Changes()
        self._listeners[topic].add(changes)
        try:
            yield changes
        finally:
            self._listeners[topic].discard(changes)
            if not self._listeners[topic]:
                del self._listeners[topic]

    def publish(self, topic: str, job_id: str) -> None:
        """Tell those whom it concerns; never waits."""
        for changes in self._listeners.get(topic, ()):
            changes.add(job_id)
