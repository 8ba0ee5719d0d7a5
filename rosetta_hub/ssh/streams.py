"""Byte streams, whichever library carries them."""

from typing import Any, Protocol


class Stream(Protocol):
    """What writes towards the other end: asyncio's transports and asyncssh's channels alike."""

    def write(self, data: bytes) -> None:
        """Send; never blocks."""

    def write_eof(self) -> None:
        """Nothing more will be sent."""

    def can_write_eof(self) -> bool:
        """Whether one direction can end alone."""

    def is_closing(self) -> bool:
        """Whether nothing can be written any more."""

    def set_write_buffer_limits(self, high: int) -> None:
        """How many bytes may wait before `pause_writing` is called."""

    def pause_reading(self) -> None:
        """Deliver nothing for now."""

    def resume_reading(self) -> None:
        """Deliver again."""

    def abort(self) -> None:
        """Close at once; what was written may get lost."""

    def close(self) -> None:
        """Close after what was written is sent."""


class StreamSession(Protocol):
    """What receives from the other end, called like an `asyncio.Protocol`."""

    def connection_made(self, transport: Any) -> None:
        """The stream is open."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The stream has ended."""

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        """Bytes came."""

    def eof_received(self) -> bool | None:
        """Nothing more will come; True keeps the other direction open."""

    def pause_writing(self) -> None:
        """What was written waits."""

    def resume_writing(self) -> None:
        """What was written is nearly sent."""
