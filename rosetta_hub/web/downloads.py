"""Sends a part of a file with flat memory, whatever the pace of the client.

A user has few channels to a storage. So a file is read in segments, and a channel is given back
after each: short ones for a slow client, long ones for a fast one. While a client takes nothing at
all, no channel is held.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator

from tornado import web

from rosetta_hub.errors import FilesError, Unavailable
from rosetta_hub.files.entries import FileEntry
from rosetta_hub.files.source import OpenSession

log = logging.getLogger(__name__)

# Bytes of one segment.
SHORTEST, LONGEST = 1 << 20, 64 << 20
# Seconds: segments get longer below, shorter above.
FAST, SLOW = 1.0, 4.0
# Bytes sent last that have to be there still when the reading goes on.
TAIL = 1 << 16
# Seconds after which a client that takes nothing loses the channel until it goes on.
STALL = 5.0
# Seconds after which a body that can't be continued later is given up.
PATIENCE = 60.0


class FileSender:
    """Sends bytes of a file, which is the one of `entry`, as the body of an answer.

    A file that grows meanwhile is sent as far as it went; one that is written to in any other way
    is another file. The headers are sent with the first bytes: an error before them can still be
    answered.
    """

    def __init__(
        self, handler: web.RequestHandler, open_session: OpenSession, entry: FileEntry
    ) -> None:
        self._handler = handler
        self._open = open_session
        self._entry = entry
        self._segment = 4 * SHORTEST
        # The last bytes that were sent.
        self._tail = b""
        self.has_begun = False
        """Whether anything has been sent."""

    async def send(self, offset: int, length: int) -> None:
        """Send so many bytes from `offset` on.

        Raises:
            FilesError: `changed`, where the file is another one now, or shorter.
            StorageUnavailable: the storage does not answer (any more).
            StreamClosedError: the client has gone away.
        """
        end = offset + length
        while offset < end:
            began = time.monotonic()
            size = min(self._segment, end - offset)
            count, rest = await self._send_segment(offset, size)
            await rest
            if not count:
                raise _changed()
            offset += count
            self._adapt(time.monotonic() - began)

    async def _send_segment(self, offset: int, length: int) -> tuple[int, asyncio.Future[None]]:
        """Bytes sent, and a future for those that the client has not taken yet."""
        count, flushed, tail = 0, _done(), self._tail
        etag = None if self.has_begun else self._entry.etag
        async with (
            self._open() as session,
            session.read(self._entry.path, offset - len(tail), len(tail) + length, etag) as reading,
        ):
            if not _is_same(self._entry, reading.entry):
                raise _changed()
            async for chunk in _without(tail, reading.chunks):
                count, self.has_begun = count + len(chunk), True
                self._tail = (self._tail + chunk)[-TAIL:]
                self._handler.write(chunk)
                flushed = self._handler.flush()
                if not await _is_done_within(flushed, STALL):
                    break
        return count, flushed

    def _adapt(self, seconds: float) -> None:
        if seconds < FAST:
            self._segment = min(self._segment * 2, LONGEST)
        elif seconds > SLOW:
            self._segment = max(self._segment // 2, SHORTEST)


def _is_same(before: FileEntry, now: FileEntry) -> bool:
    """Whether a file is the same as before, or may have grown: see `_without`."""
    if now.etag == before.etag:
        return True
    # The last part of a tag is the inode.
    same_file = now.etag.rpartition("-")[2] == before.etag.rpartition("-")[2]
    return same_file and now.size > before.size


async def _without(tail: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks behind `tail`, with which they have to begin.

    Raises:
        FilesError: `changed`, where they begin with something else.
    """
    async for chunk in chunks:
        begin = chunk[: len(tail)]
        if begin != tail[: len(begin)]:
            raise _changed()
        tail = tail[len(begin) :]
        if len(chunk) > len(begin):
            yield chunk[len(begin) :]


def _changed() -> FilesError:
    return FilesError("changed", "The file was changed while it was read.")


class ChunkSender:
    """Sends a body whose length nobody knows before its end."""

    def __init__(self, handler: web.RequestHandler) -> None:
        self._handler = handler
        self.has_begun = False
        """Whether anything has been sent: an error before can still be answered."""

    async def send(self, chunks: AsyncIterator[bytes]) -> None:
        """Send all of them.

        Raises:
            Unavailable: the client takes nothing for too long: others wait for the channel.
            StreamClosedError: the client has gone away.
        """
        async for chunk in chunks:
            self.has_begun = True
            self._handler.write(chunk)
            if not await _is_done_within(self._handler.flush(), PATIENCE):
                raise Unavailable("The client takes nothing.")


def break_off(handler: web.RequestHandler, error: Exception) -> None:
    """End an answer that has begun and can't be completed, so that the client notices."""
    log.warning("%s: broken off: %s", handler.request.path, error)
    # Neither the bytes that are missing nor the end of a chunked body: no client takes it as whole.
    connection = handler.request.connection
    if connection is not None:
        connection.stream.close()  # type: ignore[attr-defined]


def _done() -> asyncio.Future[None]:
    future = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


async def _is_done_within(future: asyncio.Future[None], seconds: float) -> bool:
    if not future.done():
        await asyncio.wait({future}, timeout=seconds)
    if future.done():
        # Tells that the client has gone away.
        future.result()
    return future.done()
