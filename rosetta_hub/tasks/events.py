"""Live news of tasks, for the pages that are open."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

# News that a slow page has not read yet; past that it is dropped and has to connect again.
QUEUE_LENGTH = 500


@dataclass(frozen=True)
class Event:
    """Something about a task changed, its log grew (`offset`, `text`), or it is gone.

    `shares`: it is shared with more or fewer users than before, as far as those go whom `share`
    names: a user, or the members of a group.
    """

    kind: Literal["task", "log", "gone", "shares"]
    task_id: str
    user: str
    server_name: str
    offset: int = 0
    text: str = ""
    share: tuple[str, str] = ("", "")
    """Kind and name; empty: it may be anybody."""


Queue = asyncio.Queue[Event | None]


class Broadcaster:
    """Hands each event to those that listen at the moment; keeps nothing.

    Some listen to one task, others to all. A log is only for those that listen to its task.
    """

    def __init__(self) -> None:
        # By the id of the task; None: all tasks.
        self._queues: defaultdict[str | None, set[Queue]] = defaultdict(set)

    @contextlib.contextmanager
    def listen(self, task_id: str | None = None) -> Iterator[Queue]:
        """A queue of the events (of a task) from now on; None in it: too slow, connect again."""
        queue: Queue = asyncio.Queue(QUEUE_LENGTH)
        self._queues[task_id].add(queue)
        try:
            yield queue
        finally:
            self._discard(task_id, queue)

    def followed(self) -> set[str]:
        """The ids of the tasks that somebody listens to alone, as an open page of the task does."""
        return {task_id for task_id in self._queues if task_id is not None}

    def publish(self, event: Event) -> None:
        """Tell those whom it concerns; never waits."""
        for task_id in (event.task_id,) if event.kind == "log" else (event.task_id, None):
            for queue in list(self._queues.get(task_id, ())):
                try:
                    queue.put_nowait(event)
                except asyncio.QueueFull:
                    self._drop(task_id, queue)

    def _discard(self, task_id: str | None, queue: Queue) -> None:
        self._queues[task_id].discard(queue)
        if not self._queues[task_id]:
            del self._queues[task_id]

    def _drop(self, task_id: str | None, queue: Queue) -> None:
        self._discard(task_id, queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)
