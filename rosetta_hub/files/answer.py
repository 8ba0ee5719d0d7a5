"""One request to the files program and its answer: deadlines, errors, data in both directions."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from rosetta_agent.files.frames import (
    DATA,
    JSON,
    MAX_DATA,
    FrameError,
    build_document,
    parse_document,
)
from rosetta_hub.errors import FilesError
from rosetta_hub.files.channel import Channel, StorageUnavailable, malformed

#: Seconds until the first frame of an answer.
ANSWER_TIMEOUT = 10.0
#: Seconds between two frames of one answer, and until a frame is taken.
FRAME_TIMEOUT = 60.0
#: Seconds until what was written is on the disk.
WRITTEN_TIMEOUT = 600.0
_MAX_MESSAGE = 1000


class FilesAnswer:
    """The answer to one request."""

    def __init__(self, channel: Channel, answer_timeout: float) -> None:
        self._channel = channel
        self._timeout = answer_timeout
        self.done: Mapping[str, Any] = {}
        """The last document, once all others have been received."""
        self.is_complete = False
        """Whether the last frame has come: the channel is free for the next request."""

    async def send(self, request: Mapping[str, Any]) -> None:
        """Send the request. Raises StorageUnavailable; FilesError where it is too long."""
        try:
            payload = build_document(dict(request))
        except FrameError as error:
            self.is_complete = True
            raise FilesError("invalid", "These are too many names at once.") from error
        await self._send(JSON, payload)

    async def document(self, key: str) -> Mapping[str, Any] | None:
        """The next document with this key; None when the last one has come, which is `done`."""
        while (frame := await self._receive()) is not None:
            if isinstance(frame, bytes):
                raise malformed("data where a document belongs")
            if key in frame:
                return frame
        return None

    async def documents(self, key: str) -> AsyncIterator[Mapping[str, Any]]:
        """The documents with this key, up to the last one."""
        while (document := await self.document(key)) is not None:
            yield document

    async def end(self) -> Mapping[str, Any]:
        """Wait for the last document."""
        while await self.document("") is not None:
            pass
        return self.done

    async def data(self) -> AsyncIterator[bytes]:
        """The data up to the last document."""
        while (frame := await self._receive()) is not None:
            if isinstance(frame, bytes):
                yield frame

    async def feed(self, chunks: AsyncIterator[bytes]) -> Mapping[str, Any]:
        """Send the data of the request, unless the answer comes before its end."""
        self._timeout = WRITTEN_TIMEOUT
        end = asyncio.create_task(self.end(), name="answer of a storage that is written to")
        is_sent = False
        try:
            async for chunk in chunks:
                for start in range(0, len(chunk), MAX_DATA):
                    await self._send(DATA, chunk[start : start + MAX_DATA])
                if end.done():
                    break
            # The end of the data follows an answer that came early, too.
            await self._send(DATA, b"")
            is_sent = True
            return await end
        finally:
            self.is_complete = self.is_complete and is_sent
            end.cancel()
            await asyncio.gather(end, return_exceptions=True)

    async def _receive(self) -> Mapping[str, Any] | bytes | None:
        """The next frame: a document, data, or None when `done` has come."""
        if self.is_complete:
            return None
        try:
            async with asyncio.timeout(self._timeout):
                frame = await self._channel.receive()
        except TimeoutError as error:
            raise _silent() from error
        self._timeout = max(self._timeout, FRAME_TIMEOUT)
        if frame.kind == DATA:
            return frame.payload
        return self._read(frame.payload)

    def _read(self, payload: bytes) -> Mapping[str, Any] | None:
        try:
            document = parse_document(payload)
        except FrameError as error:
            raise malformed(str(error)) from error
        self.is_complete = "done" in document or "error" in document
        if "error" in document:
            message = str(document.get("message"))[:_MAX_MESSAGE]
            if document["error"] == "unavailable":
                raise StorageUnavailable(message)
            raise FilesError(str(document["error"]), message)
        if self.is_complete:
            self.done = document
            return None
        return document

    async def _send(self, kind: bytes, payload: bytes) -> None:
        try:
            async with asyncio.timeout(FRAME_TIMEOUT):
                await self._channel.send(kind, payload)
        except TimeoutError as error:
            raise _silent() from error


def _silent() -> StorageUnavailable:
    return StorageUnavailable("The storage does not answer. Try again later.")
