"""Live news of tasks, for the pages that are open."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

# News that a slow page has not read yet; past that it is dropped and has to connect again.
QUEUE_LENGTH = 500


@dataclass(frozen=True)
class Event:
    """Something about a task changed, its log grew (`offset`, `text`), or it is gone."""

    kind: Literal["task", "log", "gone"]
    task_id: str
    user: str
    server_name: str
    offset: int = 0
    text: str = ""


class Broadcaster:
    """Hands every event to all that listen at the moment; keeps nothing."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Event | None]] = set()

    @contextlib.contextmanager
    def listen(self) -> Iterator[asyncio.Queue[Event | None]]:
        """A queue of the events from now on; None in it means: too slow, connect again."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue(QUEUE_LENGTH)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    def publish(self, event: Event) -> None:
        """Tell everybody; never waits."""
        for queue in list(self._queues):
            try:
                queue.put_nowait(event)
            except asyncio.QueueFull:
                self._drop(queue)

    def _drop(self, queue: asyncio.Queue[Event | None]) -> None:
        self._queues.discard(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)
