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

from rosetta_hub.errors import Unavailable
from rosetta_hub.files.errors import FilesError
from rosetta_hub.files.source import OpenSession

log = logging.getLogger(__name__)

# Bytes of one segment.
SHORTEST, LONGEST = 1 << 20, 64 << 20
# Seconds: segments get longer below, shorter above.
FAST, SLOW = 1.0, 4.0
# Seconds after which a client that takes nothing loses the channel until it goes on.
STALL = 5.0
# Seconds after which a body that can't be continued later is given up.
PATIENCE = 60.0


class FileSender:
    """Sends bytes of a file, of the version that has `etag`, as the body of an answer.

    The headers are sent with the first bytes: an error before them can still be answered.
    """

    def __init__(
        self, handler: web.RequestHandler, open_session: OpenSession, path: bytes, etag: str
    ) -> None:
        self._handler = handler
        self._open = open_session
        self._path = path
        self._etag = etag
        self._segment = 4 * SHORTEST
        self._sent = 0

    @property
    def has_begun(self) -> bool:
        """Whether anything has been sent."""
        return self._sent > 0

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
            wanted = min(self._segment, end - offset)
            sent, rest = await self._send_segment(offset, wanted)
            await rest
            if not sent:
                raise FilesError("changed", "The file has become shorter while it was read.")
            offset += sent
            self._adapt(time.monotonic() - began)

    async def _send_segment(self, offset: int, length: int) -> tuple[int, asyncio.Future[None]]:
        """Bytes sent, and a future for those that the client has not taken yet."""
        sent, flushed = 0, _done()
        async with (
            self._open() as session,
            session.read(self._path, offset, length, self._etag) as reading,
        ):
            async for chunk in reading.chunks:
                sent, self._sent = sent + len(chunk), self._sent + len(chunk)
                self._handler.write(chunk)
                flushed = self._handler.flush()
                if not await _is_done_within(flushed, STALL):
                    break
        return sent, flushed

    def _adapt(self, seconds: float) -> None:
        if seconds < FAST:
            self._segment = min(self._segment * 2, LONGEST)
        elif seconds > SLOW:
            self._segment = max(self._segment // 2, SHORTEST)


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
