"""A port of a pod, forwarded over a WebSocket, as a byte stream.

The subprotocol `v4.channel.k8s.io` (Kubernetes, `pkg/kubelet/cri/streaming/portforward`): the first
byte of a message is its channel, 0 for data and 1 for an error; the first message of each channel
holds the port. One WebSocket carries one connection.
"""

import asyncio
from typing import Any, Protocol

from tornado.websocket import WebSocketClosedError

SUBPROTOCOL = "v4.channel.k8s.io"
DATA, ERROR = 0, 1
# Bytes that wait to be sent before the other side has to wait.
HIGH_WATER = 1 << 20
MAX_MESSAGE = 1 << 24


class PortForwardError(Exception):
    """The node could not connect to the port; the message is the node's."""


class WebSocket(Protocol):
    """What is used of tornado's client connection."""

    async def read_message(self) -> str | bytes | None:
        """The next message; None at the end."""

    def write_message(self, message: bytes, binary: bool) -> Any:
        """Send; what is returned can be awaited until it is on its way."""

    def close(self) -> None:
        """End it."""


class WebSocketStream:
    """A `Stream` whose other side is `receiver`, called like an asyncio protocol.

    One direction can't end alone: there is no message for it.
    """

    def __init__(self, socket: WebSocket, receiver: Any) -> None:
        self._socket = socket
        self._receiver = receiver
        self._can_read = asyncio.Event()
        self._can_read.set()
        self._is_closing = False
        self._pending = bytearray()
        self._has_pending = asyncio.Event()
        self._high = HIGH_WATER
        self._is_full = False
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, port: int) -> None:
        """Read the messages that every connection begins with, and hand the stream over.

        Raises:
            PortForwardError: the server or the node has refused.
        """
        for channel in (DATA, ERROR):
            message = await self._socket.read_message()
            expected = bytes([channel]) + port.to_bytes(2, "little")
            if message != expected:
                raise PortForwardError(_describe(message))
        self._receiver.connection_made(self)
        self._tasks = [
            asyncio.create_task(self._read_loop(), name=f"read port {port}"),
            asyncio.create_task(self._write_loop(), name=f"write port {port}"),
        ]

    async def _read_loop(self) -> None:
        error: Exception | None = None
        while True:
            await self._can_read.wait()
            message = await self._socket.read_message()
            if not isinstance(message, bytes) or not message:
                break
            if message[0] == ERROR:
                error = PortForwardError(_describe(message))
                break
            if len(message) > 1:
                self._receiver.data_received(message[1:])
        self._end(error)

    async def _write_loop(self) -> None:
        while True:
            await self._has_pending.wait()
            data = bytes(self._pending)
            self._pending.clear()
            self._has_pending.clear()
            try:
                if data:
                    await self._socket.write_message(bytes([DATA]) + data, binary=True)
            except WebSocketClosedError:
                return
            if self._pending:
                continue
            if self._is_full:
                self._is_full = False
                self._receiver.resume_writing()
            if self._is_closing:
                self._socket.close()
                return

    def _end(self, error: Exception | None) -> None:
        self._is_closing = True
        self._socket.close()
        writer = self._tasks[1]
        writer.cancel()
        self._receiver.connection_lost(error)

    def write(self, data: bytes) -> None:
        """See Stream."""
        if self._is_closing:
            return
        self._pending += data
        self._has_pending.set()
        if len(self._pending) > self._high and not self._is_full:
            self._is_full = True
            self._receiver.pause_writing()

    def write_eof(self) -> None:
        """See Stream: there is no such message."""

    def can_write_eof(self) -> bool:
        """See Stream."""
        return False

    def is_closing(self) -> bool:
        """See Stream."""
        return self._is_closing

    def set_write_buffer_limits(self, high: int) -> None:
        """See Stream."""
        self._high = high

    def pause_reading(self) -> None:
        """See Stream."""
        self._can_read.clear()

    def resume_reading(self) -> None:
        """See Stream."""
        self._can_read.set()

    def get_extra_info(self, name: str) -> None:
        """As of asyncio's transports: there is no socket to be set up."""

    def close(self) -> None:
        """See Stream."""
        self._is_closing = True
        self._can_read.set()
        self._has_pending.set()

    def abort(self) -> None:
        """See Stream."""
        self._is_closing = True
        self._can_read.set()
        self._socket.close()


def _describe(message: str | bytes | None) -> str:
    if message is None:
        return "the connection was closed"
    data = message if isinstance(message, bytes) else message.encode()
    return data[1:].decode(errors="replace").strip() or "the connection was refused"
