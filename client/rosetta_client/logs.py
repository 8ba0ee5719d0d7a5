"""Following the log of a task: without gaps, whatever happens to the connection."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterator

from rosetta_client.blocking import BlockingChannel, iterate
from rosetta_client.calls import Call, backoff, path
from rosetta_client.channel import Channel, closing
from rosetta_client.decode import decode
from rosetta_client.errors import NotFound, Unreachable
from rosetta_client.events import Event, EventParser
from rosetta_client.models import TaskView
from rosetta_client.transport import Transport
from rosetta_client.waiting import OVER

# Seconds within which a stream begins; a proxy that keeps it back until it ends is asked otherwise.
_FIRST = 10.0
# Seconds between two comments of a stream, twice over.
_LIVENESS_TIMEOUT = 35.0
# Seconds between two questions where no stream gets through.
_PAUSE = 2.0
# Connections that fail one after the other until the user is told.
_PATIENCE = 8


class LogFollower:
    """The log of a task as it grows, for those who wait; see `AsyncLogFollower`."""

    def __init__(self, transport: Transport, task: TaskView, say: Callable[[str], None]) -> None:
        self._follower = AsyncLogFollower(BlockingChannel(transport), task, say)

    @property
    def task(self) -> TaskView:
        """What was last heard of the task."""
        return self._follower.task

    def follow(self) -> Generator[str, None, None]:
        """See `AsyncLogFollower.follow`."""
        return iterate(self._follower.follow())


class AsyncLogFollower:
    """The log of a task as it grows; `task` is what was last heard of it.

    `say` is told in words when a connection was lost, and when it is there again.
    """

    def __init__(self, channel: Channel, task: TaskView, say: Callable[[str], None]) -> None:
        self.task = task
        self._channel = channel
        self._say = say
        # Bytes of this attempt's log that have been shown.
        self._offset = 0
        # Whether this connection has told what is kept of the log.
        self._has_log = False
        self._failures = 0

    @property
    def _is_complete(self) -> bool:
        return self.task.state in OVER and (self._has_log or not self.task.can.log)

    async def follow(self) -> AsyncGenerator[str, None]:
        """Pieces of the log, until the task is over or has been deleted.

        Raises:
            Unreachable: the hub does not answer any more.
            ApiError: it refuses.
        """
        while True:
            try:
                async with closing(self._stream()) as pieces:
                    async for piece in pieces:
                        yield piece
            except Unreachable as error:
                self._failures += 1
                if self._failures > _PATIENCE:
                    raise
                if self._failures == 1:
                    self._say(f"{error} Trying again.")
                await self._channel.sleep(backoff(self._failures))
            except _Withheld:
                break
            except NotFound:
                if self._offset == 0 and self._failures == 0:
                    raise
                return
            else:
                if self._is_complete:
                    return
        async with closing(self._poll()) as pieces:
            async for piece in pieces:
                yield piece

    async def _stream(self) -> AsyncGenerator[str, None]:
        """One connection: it begins with what is kept of the log, and its offset."""
        import httpx2

        call: Call[None] = Call("GET", "events", None, query={"task": self.task.id})
        parser, has_begun, self._has_log = EventParser(), False, False
        limits = httpx2.Timeout(_LIVENESS_TIMEOUT if self._offset else _FIRST, connect=_FIRST)
        try:
            async with self._channel.stream(call, timeout=limits) as response:
                async for piece in response.aiter_raw():
                    has_begun = True
                    self._note_connected()
                    for event in parser.feed(piece):
                        for part in self._take(event):
                            yield part
                    if self._is_complete:
                        return
        except Unreachable as error:
            if not has_begun and isinstance(error.__cause__, httpx2.ReadTimeout):
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

    async def _poll(self) -> AsyncGenerator[str, None]:
        """The same by asking again and again."""
        address, output = path("tasks/{task}", task=self.task.id), ""
        while True:
            self.task = await self._channel.call(Call("GET", address, TaskView, repeatable=True))
            text: str = await self._channel.call(
                Call("GET", f"{address}/log", str, repeatable=True)
            )
            part = unseen(output, text)
            output = text
            if part:
                yield part
            if self.task.state in OVER:
                return
            await self._channel.sleep(_PAUSE)


class _Withheld(Exception):
    """Something in between keeps the stream back."""


def unseen(old: str, new: str) -> str:
    """What a log has now beyond what it had, although its beginning may be gone by now."""
    if new.startswith(old):
        return new[len(old) :]
    tail = old[-1000:]
    place = new.rfind(tail)
    return new[place + len(tail) :] if place >= 0 else new
