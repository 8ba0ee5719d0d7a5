"""Two connections as one: what one end receives the other one sends."""

import asyncio
import functools
import resource
import socket
from typing import Callable, List, Optional, Set, Tuple, cast

_CONNECT_SECONDS = 5.0


class Side(asyncio.Protocol):
    """One end of a relayed connection; what it receives the other end sends.

    Reading stops while the other end cannot write (back-pressure), and a half-closed
    connection stays half-closed on the other side, where that side can be (TLS cannot).
    """

    def __init__(
        self, on_made: Optional[Callable[["Side"], None]] = None, peer: Optional["Side"] = None
    ) -> None:
        self._on_made = on_made
        self._peer = peer
        self._transport: Optional[asyncio.Transport] = None
        self._paused = False
        self._ended = False
        self._early: List[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection that has no peer yet asks for one."""
        self._transport = cast(asyncio.Transport, transport)
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._on_made is not None:
            self._on_made(self)

    def hold(self) -> None:
        """Read nothing until the peer is there."""
        if self._peer is None:
            self._pause(True)

    def join(self, peer: "Side") -> None:
        """Begin to relay."""
        self._peer = peer
        if self._transport is None or self._transport.is_closing():
            peer.give_up()
        early, self._early = self._early, []
        for data in early:
            self.data_received(data)
        if self._ended:
            self._pass_end(peer)
        self._pause(False)

    def give_up(self) -> None:
        """Close, after what is still to be sent."""
        if self._transport is not None:
            self._transport.close()

    def _pause(self, paused: bool) -> None:
        if self._transport is None or self._transport.is_closing() or paused == self._paused:
            return
        self._paused = paused
        if paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        if self._peer is None:
            self._early.append(data)
        elif self._peer._transport is not None:
            self._peer._transport.write(data)

    def eof_received(self) -> bool:
        """Pass the end on; the connection stays open until both ends have ended."""
        self._ended = True
        peer = self._peer
        if peer is None or peer._transport is None or peer._ended:
            return False
        return self._pass_end(peer)

    def _pass_end(self, peer: "Side") -> bool:
        transport = peer._transport
        if transport is None or transport.is_closing():
            return False
        if not transport.can_write_eof():  # TLS: both ways end at once
            transport.close()
            return False
        transport.write_eof()
        return True

    def pause_writing(self) -> None:
        """This end is full: the other one stops reading."""
        if self._peer is not None:
            self._peer._pause(True)

    def resume_writing(self) -> None:
        """This end has room again."""
        if self._peer is not None:
            self._peer._pause(False)

    def connection_lost(self, exc: Optional[Exception]) -> None:
        """Close the other end too."""
        if self._peer is not None:
            self._peer.give_up()


def allow_many_files() -> None:
    """Raise the limit of open files as far as it goes: each connection takes two."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Connector:
    """Connects each connection from outside with one inside: the base of those that know where."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._tasks: Set["asyncio.Future[None]"] = set()

    def accept(self) -> Side:
        """Make the protocol of a new connection from outside."""
        return Side(self.connect)

    def connect(self, outside: Side) -> None:
        """Start to connect the inside for a connection that has come in."""
        # Python 3.6 begins to read after connection_made, whatever was paused in there.
        self._loop.call_soon(outside.hold)
        task = asyncio.ensure_future(self._connect(outside), loop=self._loop)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, outside: Side) -> None:
        raise NotImplementedError


class SocketBackend(Connector):
    """Connects with a unix socket."""

    def __init__(self, loop: asyncio.AbstractEventLoop, path: str) -> None:
        super().__init__(loop)
        self._path = path

    async def _connect(self, outside: Side) -> None:
        make = functools.partial(Side, None, outside)
        try:
            _transport, inside = await self._loop.create_unix_connection(make, self._path)
        except OSError:
            outside.give_up()
            return
        outside.join(inside)


class Backend(Connector):
    """Connects with a port, at the first of some addresses that answers."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, port: int, addresses: Callable[[], List[str]]
    ) -> None:
        super().__init__(loop)
        self._port = port
        self._addresses = addresses
        self._known: Tuple[str, ...] = ()

    async def _connect(self, outside: Side) -> None:
        for address in list(self._known) + self._addresses():
            make = functools.partial(Side, None, outside)
            attempt = self._loop.create_connection(make, address, self._port)
            try:
                _transport, inside = await asyncio.wait_for(attempt, _CONNECT_SECONDS)
            except (OSError, asyncio.TimeoutError):
                continue
            self._known = (address,)
            outside.join(inside)
            return
        outside.give_up()
