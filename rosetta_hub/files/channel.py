"""Frames to and from the files program, whatever carries them."""

import asyncio
import contextlib
from typing import Protocol

from rosetta_agent.files.frames import HEADER, Frame, FrameError, build_header, parse_header
from rosetta_hub.errors import Unavailable

#: Bytes that a stream reader buffers, so that frames of data do not wait for each other.
STREAM_LIMIT = 1 << 20


class StorageUnavailable(Unavailable):
    """A storage did not answer, or the channel to it ended."""


def malformed(detail: str) -> StorageUnavailable:
    """The storage's program has answered with something that is not of the protocol."""
    return StorageUnavailable(f"The storage gave an answer of no use: {detail}.")


def ended() -> StorageUnavailable:
    """The channel to the storage has ended."""
    return StorageUnavailable("The connection to the storage has ended. Try again.")


class Channel(Protocol):
    """Carries frames to one files program. One task sends, one task receives."""

    async def send(self, kind: bytes, payload: bytes) -> None:
        """Send a frame; waits while the other side does not read.

        Raises:
            StorageUnavailable: the channel has ended.
        """

    async def receive(self) -> Frame:
        """The next frame.

        Raises:
            StorageUnavailable: the channel has ended, or what came is no frame.
        """

    @property
    def has_ended(self) -> bool:
        """Whether the other side has closed the channel, as far as is known."""

    def close(self) -> None:
        """End the channel, which ends the program and whatever it does. May be called again."""

    async def wait_closed(self) -> None:
        """Wait, after `close`, until nothing of the channel is left."""


class StreamChannel:
    """A channel over a byte stream; its writer may be any that has StreamWriter's methods."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @property
    def has_ended(self) -> bool:
        """Whether the other side has closed the channel, as far as is known."""
        return self._reader.at_eof() or self._writer.is_closing()

    async def send(self, kind: bytes, payload: bytes) -> None:
        """Send a frame; waits while the other side does not read."""
        try:
            # In one piece: a header alone would wake all processes on the way.
            self._writer.writelines((build_header(kind, len(payload)), payload))
            await self._writer.drain()
        except (OSError, RuntimeError) as error:
            # RuntimeError: the transport is closed already.
            raise ended() from error

    async def receive(self) -> Frame:
        """The next frame."""
        try:
            kind, length = parse_header(await self._reader.readexactly(HEADER.size))
            return Frame(kind, await self._reader.readexactly(length))
        except (OSError, asyncio.IncompleteReadError) as error:
            raise ended() from error
        except FrameError as error:
            raise malformed(str(error)) from error

    def close(self) -> None:
        """End the channel."""
        self._writer.close()

    async def wait_closed(self) -> None:
        """Wait until the stream is closed."""
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
