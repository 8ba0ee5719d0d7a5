"""A port of a pod as a byte stream, in one of the protocols in which API servers forward it.

One connection to the API server carries one connection to the port. Nothing here waits: bytes go on
within the callback that brings them, as in `relay`.
"""

import asyncio
from abc import ABC, abstractmethod
from typing import cast

from rosetta_hub.ssh.streams import StreamSession
from rosetta_hub.tunnels.upgrade import ProtocolError, Refused, Upgrade

# Seconds between pings: load balancers in front of API servers cut what is silent for a minute. A
# server that has sent nothing from one to the next is taken for gone.
PING_SECONDS = 25
# Bytes of a node's message that are kept.
MAX_ERROR = 1 << 14


class PortForwardError(Exception):
    """The node could not connect to the port; the message is the node's."""


class ForwardedStream(asyncio.Protocol, ABC):
    """A `Stream` whose other side is `receiver`; asyncio's transport of the connection calls it."""

    def __init__(self, upgrade: Upgrade, receiver: StreamSession) -> None:
        self._upgrade: Upgrade | None = upgrade
        self._receiver = receiver
        self._failure: Exception | None = None
        self._transport: asyncio.Transport | None = None
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ping: asyncio.TimerHandle | None = None
        self._is_silent = False
        self._is_paused = False

    async def wait_open(self) -> None:
        """Return once the server forwards; the receiver has the stream then.

        Raises:
            Refused, ProtocolError: the server does not forward.
            PortForwardError: the node has refused.
        """
        await self._opened

    # What differs between the protocols.

    @abstractmethod
    def start(self) -> None:
        """The server has agreed to the protocol: ask for the port where that was not said yet."""

    @abstractmethod
    def take(self, data: bytes) -> None:
        """Bytes of the protocol came.

        Raises:
            ProtocolError: no server may send this.
            PortForwardError: the node has refused.
        """

    @abstractmethod
    def build_ping(self) -> bytes:
        """What the server has to answer."""

    # What the protocols call.

    def open(self) -> None:
        """The server forwards from now on."""
        self._ping = asyncio.get_running_loop().call_later(PING_SECONDS, self._send_ping)
        self._receiver.connection_made(self)
        if not self._opened.done():
            self._opened.set_result(None)

    def deliver(self, parts: list[bytes] | list[memoryview]) -> None:
        """Bytes of the pod, for the receiver."""
        if data := b"".join(parts):
            self._receiver.data_received(data)

    def send(self, data: bytes) -> None:
        """Send bytes of the protocol, unless the connection is being closed."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    # What asyncio's transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open: ask for the protocol."""
        self._transport = cast(asyncio.Transport, transport)
        if self._upgrade is not None:
            self._transport.write(self._upgrade.request)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._is_silent = False
        try:
            if self._upgrade is not None:
                rest = self._upgrade.feed(data)
                if rest is None:
                    return
                self._upgrade, data = None, rest
                self.start()
            self.take(data)
        except (ProtocolError, Refused, PortForwardError) as error:
            self._failure = error
            self.abort()

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

    def _send_ping(self) -> None:
        if self._is_silent and not self._is_paused:
            self._failure = PortForwardError("the API server does not answer any more")
            self.abort()
            return
        self._is_silent = True
        self.send(self.build_ping())
        self._ping = asyncio.get_running_loop().call_later(PING_SECONDS, self._send_ping)

    # What is written to the pod: see Stream.

    @abstractmethod
    def write(self, data: bytes) -> None:
        """See Stream."""

    @abstractmethod
    def write_eof(self) -> None:
        """See Stream."""

    @abstractmethod
    def can_write_eof(self) -> bool:
        """See Stream."""

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
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """See Stream."""
        if self._transport is not None:
            self._transport.abort()


def describe(message: bytes) -> str:
    """What a node has answered, as a text."""
    return message.decode(errors="replace").strip() or "the connection was refused"
