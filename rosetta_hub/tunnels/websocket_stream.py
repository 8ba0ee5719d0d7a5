"""A port of a pod, forwarded over a WebSocket, as a byte stream.

The subprotocol `v4.channel.k8s.io` (Kubernetes, `pkg/kubelet/cri/streaming/portforward`): the first
byte of a message is its channel, 0 for data and 1 for an error; the first message of each channel
holds the port. One WebSocket carries one connection.

Nothing here waits: bytes go on within the callback that brings them, as in `relay`.
"""

import asyncio
from typing import cast

from rosetta_hub.ssh.streams import StreamSession
from rosetta_hub.tunnels.websocket_frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    Chunk,
    FrameReader,
    Handshake,
    ProtocolError,
    Refused,
    build_frame,
)

SUBPROTOCOL = "v4.channel.k8s.io"
DATA, ERROR = 0, 1
_DATA = bytes([DATA])
# The status of a connection that has served its purpose (RFC 6455, section 7.4.1).
_NORMAL = (1000).to_bytes(2, "big")
# Seconds between pings: load balancers in front of API servers cut what is silent for a minute. A
# server that has sent nothing from one to the next is taken for gone.
PING_SECONDS = 25
# Bytes of a node's message that are kept.
MAX_ERROR = 1 << 14


class PortForwardError(Exception):
    """The node could not connect to the port; the message is the node's."""


class WebSocketStream(asyncio.Protocol):
    """A `Stream` whose other side is `receiver`; asyncio's transport of the connection calls it.

    One direction can't end alone: there is no message for it.
    """

    def __init__(self, handshake: Handshake, port: int, receiver: StreamSession) -> None:
        self._handshake: Handshake | None = handshake
        self._receiver = receiver
        self._frames = FrameReader()
        self._channel = DATA
        # The port, of which each channel's first message has to consist.
        self._greetings = {channel: port.to_bytes(2, "little") for channel in (DATA, ERROR)}
        self._error = b""
        self._failure: Exception | None = None
        self._transport: asyncio.Transport | None = None
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ping: asyncio.TimerHandle | None = None
        self._ping_data = b""
        self._is_silent = False
        self._is_paused = False

    async def wait_open(self) -> None:
        """Return once the node has connected to the port; the receiver has the stream then.

        Raises:
            Refused, ProtocolError: the server does not forward.
            PortForwardError: the node has refused.
        """
        await self._opened

    # What asyncio's transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open: ask for the WebSocket."""
        self._transport = cast(asyncio.Transport, transport)
        if self._handshake is not None:
            self._transport.write(self._handshake.request)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._is_silent = False
        try:
            if self._handshake is not None:
                rest = self._handshake.feed(data)
                if rest is None:
                    return
                self._handshake, data = None, rest
            self._take(data)
        except (ProtocolError, Refused, PortForwardError) as error:
            self._fail(error)

    def _take(self, data: bytes) -> None:
        parts: list[bytes] = []
        for chunk in self._frames.feed(data):
            if chunk.opcode == BINARY:
                self._take_binary(chunk, parts)
            elif chunk.opcode == PING:
                self._ping_data += chunk.data
                if chunk.is_last:
                    self._send(PONG, self._ping_data)
                    self._ping_data = b""
            elif chunk.opcode == CLOSE:
                self.close()
                break
        if parts:
            self._receiver.data_received(parts[0] if len(parts) == 1 else b"".join(parts))

    def _take_binary(self, chunk: Chunk, parts: list[bytes]) -> None:
        data = chunk.data
        if chunk.is_first:
            self._channel, data = (data[0] if data else DATA), data[1:]
        if self._greetings:
            data = self._greet(data)
        if self._channel == DATA:
            if data:
                parts.append(data)
            return
        self._error = (self._error + data)[:MAX_ERROR]
        if self._error and chunk.is_last:
            raise PortForwardError(_describe(self._error))

    def _greet(self, data: bytes) -> bytes:
        """Take off the port that each channel begins with; returns the rest."""
        expected = self._greetings.get(self._channel, b"")
        if not expected:
            return data
        if not data.startswith(expected[: len(data)]):
            raise PortForwardError(_describe(data))
        if rest := expected[len(data) :]:
            self._greetings[self._channel] = rest
            return b""
        del self._greetings[self._channel]
        if not self._greetings:
            self._open()
        return data[len(expected) :]

    def _open(self) -> None:
        self._ping = asyncio.get_running_loop().call_later(PING_SECONDS, self._send_ping)
        self._receiver.connection_made(self)
        if not self._opened.done():
            self._opened.set_result(None)

    def _send_ping(self) -> None:
        if self._is_silent and not self._is_paused:
            self._fail(PortForwardError("the API server does not answer any more"))
            return
        self._is_silent = True
        self._send(PING, b"")
        self._ping = asyncio.get_running_loop().call_later(PING_SECONDS, self._send_ping)

    def eof_received(self) -> bool:
        """The server has ended the connection."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        error = self._failure or exc
        if self._ping is not None:
            self._ping.cancel()
            self._receiver.connection_lost(error)
        elif not self._opened.done():
            self._opened.set_exception(error or PortForwardError("the connection was closed"))

    def pause_writing(self) -> None:
        """More was written than is sent."""
        self._receiver.pause_writing()

    def resume_writing(self) -> None:
        """What was written is nearly sent."""
        self._receiver.resume_writing()

    def _fail(self, error: Exception) -> None:
        self._failure = error
        self.abort()

    def _send(self, opcode: int, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(build_frame(opcode, data))

    # What is written to the pod: see Stream.

    def write(self, data: bytes) -> None:
        """See Stream."""
        self._send(BINARY, _DATA + data)

    def write_eof(self) -> None:
        """See Stream: there is no such message."""

    def can_write_eof(self) -> bool:
        """See Stream."""
        return False

    def is_closing(self) -> bool:
        """See Stream."""
        return self._transport is None or self._transport.is_closing()

    def set_write_buffer_limits(self, high: int) -> None:
        """See Stream."""
        if self._transport is not None:
            self._transport.set_write_buffer_limits(high)

    def pause_reading(self) -> None:
        """See Stream."""
        self._is_paused = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """See Stream."""
        self._is_paused, self._is_silent = False, False
        if self._transport is not None:
            self._transport.resume_reading()

    def get_extra_info(self, name: str) -> None:
        """As of asyncio's transports: there is no socket to be set up."""

    def close(self) -> None:
        """See Stream."""
        self._send(CLOSE, _NORMAL)
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """See Stream."""
        if self._transport is not None:
            self._transport.abort()


def _describe(message: bytes) -> str:
    return message.decode(errors="replace").strip() or "the connection was refused"
