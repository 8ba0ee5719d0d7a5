"""Following the log of a task: without gaps, whatever happens to the connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rosetta_client.calls import Call, backoff
from rosetta_client.decode import decode
from rosetta_client.errors import NotFound, Unreachable
from rosetta_client.events import Event, EventParser
from rosetta_client.models import TaskView
from rosetta_client.waiting import OVER

if TYPE_CHECKING:
    from rosetta_client.client import Client

# Seconds within which a stream begins; a proxy that keeps it back until it ends is asked otherwise.
_FIRST = 10.0
# Seconds between two comments of a stream, twice over.
_SILENCE = 35.0
# Seconds between two questions where no stream gets through.
_PAUSE = 2.0
# Connections that fail one after the other until the user is told.
_PATIENCE = 8


class LogFollower:
    """The log of a task as it grows; `task` is what was last heard of it.

    `say` is told in words when a connection was lost, and when it is there again.
    """

    def __init__(self, client: Client, task: TaskView, say: Callable[[str], None]) -> None:
        self.task = task
        self._client = client
        self._say = say
        # Bytes of this attempt's log that have been shown.
        self._offset = 0
        # Whether this connection has told what is kept of the log.
        self._has_log = False
        self._failures = 0

    @property
    def _is_complete(self) -> bool:
        return self.task.state in OVER and (self._has_log or not self.task.can.log)

    def follow(self) -> Iterator[str]:
        """Pieces of the log, until the task is over or has been deleted.

        Raises:
            Unreachable: the hub does not answer any more.
            ApiError: it refuses.
        """
        while True:
            try:
                yield from self._stream()
            except Unreachable as error:
                self._failures += 1
                if self._failures > _PATIENCE:
                    raise
                if self._failures == 1:
                    self._say(f"{error} Trying again.")
                time.sleep(backoff(self._failures))
            except _Withheld:
                yield from self._poll()
                return
            except NotFound:
                if self._offset == 0 and self._failures == 0:
                    raise
                return
            else:
                if self._is_complete:
                    return

    def _stream(self) -> Iterator[str]:
        """One connection: it begins with what is kept of the log, and its offset."""
        import httpx2

        call: Call[None] = Call("GET", "events", None, query={"task": self.task.id})
        parser, begun, self._has_log = EventParser(), False, False
        limits = httpx2.Timeout(_SILENCE if self._offset else _FIRST, connect=_FIRST)
        try:
            with self._client.transport.stream(call, timeout=limits) as response:
                for piece in response.iter_raw():
                    begun = True
                    self._note_connected()
                    for event in parser.feed(piece):
                        yield from self._take(event)
                    if self._is_complete:
                        return
        except Unreachable as error:
            if not begun and isinstance(error.__cause__, httpx2.ReadTimeout):
                raise _Withheld from error
            raise

    def _note_connected(self) -> None:
        if self._failures:
            self._say("Connected again.")
        self._failures = 0

    def _take(self, event: Event) -> Iterator[str]:
        if event.kind == "gone":
            raise NotFound("The task has been deleted.")
        if event.kind == "task":
            task: TaskView = decode(TaskView, event.data)
            if task.attempt != self.task.attempt:
                self._offset = 0
            self.task = task
        if event.kind == "log":
            self._has_log = True
            yield from self._new_part(event.data["offset"], event.data["text"].encode())

    def _new_part(self, offset: int, text: bytes) -> Iterator[str]:
        """What of a piece has not been shown."""
        end = offset + len(text)
        if end > self._offset:
            part = text[max(0, self._offset - offset) :]
            self._offset = end
            yield part.decode(errors="replace")

    def _poll(self) -> Iterator[str]:
        """The same by asking again and again."""
        shown = ""
        while True:
            self.task = self._client.get_task(self.task.id)
            text = self._client.get_task_log(self.task.id)
            part = unseen(shown, text)
            shown = text
            if part:
                yield part
            if self.task.state in OVER:
                return
            time.sleep(_PAUSE)


class _Withheld(Exception):
    """Something in between keeps the stream back."""


def unseen(old: str, new: str) -> str:
    """What a log has now beyond what it had, although its beginning may be gone by now."""
    if new.startswith(old):
        return new[len(old) :]
    tail = old[-1000:]
    place = new.rfind(tail)
    return new[place + len(tail) :] if place >= 0 else new
