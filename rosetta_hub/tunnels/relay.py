"""Two connections, and the bytes between them: with back-pressure, and closed one way at a time.

Nothing here waits: bytes go from one transport to the other within the callback that brings them.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from rosetta_hub.ssh.streams import Stream


class Half(asyncio.Protocol):
    """One of the two connections; of asyncio's or of asyncssh's making.

    Until it is paired, what comes is kept for `read_exactly`.
    """

    def __init__(self, on_lost: "Callable[[Half], None] | None" = None) -> None:
        self.stream: Stream | None = None
        self._peer: Half | None = None
        self._on_lost = on_lost
        self._early = bytearray()
        self._has_ended = False
        self._is_lost = False
        self._is_full = False
        self._flow: asyncio.Handle | None = None
        self._reader: asyncio.Future[None] | None = None

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone."""
        return self._is_lost

    def write(self, data: bytes) -> None:
        """Send, unless the connection is gone."""
        if self.stream is not None and not self._is_lost:
            self.stream.write(data)

    def buffer(self, size: int) -> None:
        """Take so many bytes that can't be sent yet before the other end has to wait."""
        if self.stream is not None:
            self.stream.set_write_buffer_limits(size)

    def close(self) -> None:
        """Close after what was written is sent."""
        if self.stream is not None:
            self.stream.close()

    def abort(self) -> None:
        """Close at once."""
        if self.stream is not None:
            self.stream.abort()

    async def read_exactly(self, size: int) -> bytes:
        """The first bytes that come, before it is paired.

        Raises:
            EOFError: the connection ended before.
        """
        while len(self._early) < size:
            if self._has_ended or self._is_lost:
                raise EOFError("the connection ended")
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        data = bytes(self._early[:size])
        del self._early[:size]
        return data

    # What transports call.

    def connection_made(self, transport: Any) -> None:
        """The connection is open."""
        self.stream = transport
        connected = transport.get_extra_info("socket")
        if connected is not None and connected.family in (socket.AF_INET, socket.AF_INET6):
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        """Bytes came."""
        if self._peer is None:
            self._early += data
            self._wake()
            return
        stream = self._peer.stream
        if stream is None or stream.is_closing():
            return
        try:
            stream.write(data)
        except OSError:
            # asyncssh's way to say that the channel is being closed.
            self.close()

    def eof_received(self) -> bool:
        """Nothing more will come; the other direction goes on where the transport can do this."""
        self._has_ended = True
        self._wake()
        if self._peer is not None:
            self._peer.write_end()
        return self._can_end_one_way()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, and so is the other one."""
        self._is_lost = True
        self._wake()
        peer, self._peer = self._peer, None
        if peer is not None:
            peer.close()
        if self._on_lost is not None:
            self._on_lost(self)

    def pause_writing(self) -> None:
        """More was written than is sent: the other end waits."""
        self._is_full = True
        self._schedule_flow()

    def resume_writing(self) -> None:
        """Go on."""
        self._is_full = False
        self._schedule_flow()

    def _schedule_flow(self) -> None:
        # Not at once: asyncssh grants the other end a whole window with the first of the bytes that
        # it has kept. Paused before it has delivered the rest, it would keep more and more of them.
        if self._flow is None:
            self._flow = asyncio.get_running_loop().call_soon(self._apply_flow)

    def _apply_flow(self) -> None:
        self._flow = None
        stream = None if self._peer is None or self._peer.is_lost else self._peer.stream
        if stream is None:
            return
        # Also where it is closing: asyncssh says so once the other end has closed the channel, and
        # still has what came before.
        if self._is_full:
            stream.pause_reading()
        else:
            stream.resume_reading()

    # asyncssh calls these on what it takes for a session.

    def session_started(self) -> None:
        """A channel is open."""

    def write_end(self) -> None:
        """Nothing more will be written. TLS can't end one direction alone: it ends both."""
        if self.stream is None or self._is_lost:
            return
        if self._can_end_one_way():
            try:
                self.stream.write_eof()
            except OSError:
                self.close()
            if self._has_ended:
                self.close()
        else:
            self.close()

    def _can_end_one_way(self) -> bool:
        return self.stream is not None and self.stream.can_write_eof()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


def pair(first: Half, second: Half) -> None:
    """Let bytes flow between two open connections, those that came before first."""
    first._peer, second._peer = second, first
    for half, peer in ((first, second), (second, first)):
        if half._early:
            peer.write(bytes(half._early))
            half._early.clear()
        if half.is_lost:
            peer.close()
            continue
        if half._has_ended:
            peer.write_end()
    for half in (first, second):
        if half.stream is not None and not half.is_lost:
            half.stream.resume_reading()
