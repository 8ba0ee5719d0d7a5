"""A port of the node that leads to the interface, for those who know the attempt's secret."""

import asyncio
import os
import socket
import ssl
from typing import Callable, Dict, Mapping, Optional

from rosetta_agent.access_options import Tls
from rosetta_agent.protocol import HandshakeError, ServerHandshake
from rosetta_agent.splice import Backend, Side

#: Connections that have not yet shown that they know the secret.
MAX_STRANGERS = 64
_HANDSHAKE_SECONDS = 10.0
_RETRY_SECONDS = 1.0  # when there are no file descriptors left


class Guarded(Side):
    """An end from which nothing reaches the container before the handshake is done.

    ``backends`` are those of the further interfaces by their ports, and of the main one (None).
    """

    def __init__(
        self,
        key: bytes,
        admitted: "asyncio.Future[None]",
        backends: Mapping[Optional[int], Backend],
    ) -> None:
        super().__init__()
        ports = [port for port in backends if port is not None]
        self._handshake: Optional[ServerHandshake] = ServerHandshake(key, ports)
        self._admitted = admitted
        self._backends = backends

    def data_received(self, data: bytes) -> None:
        """The handshake, then whatever the connection carries."""
        if self._handshake is None:
            super().data_received(data)
            return
        try:
            answer = self._handshake.feed(data)
        except HandshakeError:
            self.shut_out()
            return
        if answer and self._transport is not None:
            self._transport.write(answer)
        if self._handshake.done:
            rest, backend = self._handshake.rest, self._backends[self._handshake.port]
            self._handshake = None
            if rest:
                self._early.append(rest)
            if not self._admitted.done():
                self._admitted.set_result(None)
            backend.connect(self)

    def connection_lost(self, exc: Optional[Exception]) -> None:
        """See Side."""
        if not self._admitted.done():
            self._admitted.cancel()
        super().connection_lost(exc)

    def shut_out(self) -> None:
        """Close without a word."""
        if self._transport is not None:
            self._transport.abort()


class Listener:
    """Accepts connections, and knows the strangers among them: the oldest makes room."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listener: socket.socket,
        make: Callable[["asyncio.Future[None]"], Guarded],
        tls: Optional[ssl.SSLContext],
    ) -> None:
        self._loop = loop
        self._listener = listener
        self._make = make
        self._tls = tls
        self._strangers: Dict["asyncio.Future[None]", None] = {}

    def start(self) -> None:
        """Begin to accept."""
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        try:
            connection, _address = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionError):
            return
        except OSError:
            self._loop.remove_reader(self._listener.fileno())
            self._loop.call_later(_RETRY_SECONDS, self.start)
            return
        connection.setblocking(False)
        if len(self._strangers) >= MAX_STRANGERS:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.cancel()
        task = asyncio.ensure_future(self._admit(connection), loop=self._loop)
        self._strangers[task] = None
        task.add_done_callback(lambda stranger: self._strangers.pop(stranger, None))

    async def _admit(self, connection: socket.socket) -> None:
        admitted = self._loop.create_future()
        guarded = self._make(admitted)
        try:
            await asyncio.wait_for(self._handshake(connection, guarded), _HANDSHAKE_SECONDS)
        except (OSError, asyncio.TimeoutError, asyncio.CancelledError):
            guarded.shut_out()
            connection.close()

    async def _handshake(self, connection: socket.socket, guarded: Guarded) -> None:
        await self._loop.connect_accepted_socket(lambda: guarded, connection, ssl=self._tls)
        await guarded._admitted


def bind(host: str, port: int) -> socket.socket:
    """Listen on ``port``, or on any free one where that is taken; 0 is any.

    Raises:
        OSError: the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        try:
            listener.bind((host, port))
            listener.listen(128)
        except OSError:
            if port == 0:
                raise
            listener.close()
            return bind(host, 0)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def server_context(tls: Tls) -> ssl.SSLContext:
    """TLS with a certificate and a key that are in no file: OpenSSL reads them from pipes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pipes = [_pipe(tls.certificate), _pipe(tls.key)]
    try:
        context.load_cert_chain(*("/proc/self/fd/{}".format(pipe) for pipe in pipes))
    finally:
        for pipe in pipes:
            os.close(pipe)
    return context


def _pipe(text: str) -> int:
    """The reading end of a pipe that holds a text; the spec allows no longer ones."""
    reading, writing = os.pipe()
    with open(writing, "wb") as pipe:
        pipe.write(text.encode("ascii"))
    return reading
