"""The relay: a unix socket outside, the interface of the container inside.

A small process of its own, so that connections survive the agent. It listens on the socket
first (as the user, 0600), then enters the network namespace of the container, and connects
to the loopback there: an image that listens on 127.0.0.1 only works unchanged, two tasks
with the same port never meet, and no other user of the machine can connect. It ends by
itself when the container does.
"""

import asyncio
import contextlib
import functools
import json
import os
import resource
import signal
import socket
import sys
from typing import Any, Dict, List, Optional, Set, cast

from rosetta_agent import namespaces
from rosetta_agent.errors import TaskFailure
from rosetta_agent.logs import tail
from rosetta_agent.processes import Identity, identify, is_alive, start_helper
from rosetta_agent.sandbox import Sandbox

READY = b"ready\n"
_WATCH_SECONDS = 2.0
_CONNECT_SECONDS = 5.0


def start_relay(sandbox: Sandbox, port: int, container: Identity, enter: bool) -> Identity:
    """Start the relay towards ``port`` of a container, and wait until it listens.

    ``enter`` is false where the container shares the network of the machine.

    Raises:
        TaskFailure: the namespace cannot be entered (internal).
    """
    with contextlib.suppress(FileNotFoundError):
        os.unlink(sandbox.socket)
    order = {"socket": sandbox.socket, "port": port, "container": list(container), "enter": enter}
    log = sandbox.file("agent.log")
    process = start_helper("relay", order, log)
    assert process.stdout is not None  # noqa: S101 - tells the type checker what PIPE means
    with process.stdout as output:
        answer = output.readline()
    found = identify(process.pid)
    if answer != READY or found is None:
        process.kill()
        process.wait()
        sentence = "The agent could not reach into the network of the container."
        raise TaskFailure("internal", sentence, tail(log, 500))
    return found


class Relay:
    """Connects each connection of the socket with the port of the container."""

    def __init__(self, loop: asyncio.AbstractEventLoop, port: int) -> None:
        self._loop = loop
        self._port = port
        self._address: Optional[str] = None
        self._tasks: Set["asyncio.Future[None]"] = set()

    def accept(self) -> "Side":
        """Make the protocol of a new connection from outside."""
        return Side(self)

    def connect(self, outside: "Side") -> None:
        """Start to connect the inside for a connection that has come in."""
        # Python 3.6 begins to read after connection_made, whatever was paused in there.
        self._loop.call_soon(outside.hold)
        task = asyncio.ensure_future(self._connect(outside), loop=self._loop)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _addresses(self) -> List[str]:
        """Loopback first; the one that answered last before all others."""
        known = [self._address] if self._address else []
        return known + ["127.0.0.1", "::1"] + namespaces.own_addresses()

    async def _connect(self, outside: "Side") -> None:
        for address in self._addresses():
            make = functools.partial(Side, None, outside)
            attempt = self._loop.create_connection(make, address, self._port)
            try:
                _transport, inside = await asyncio.wait_for(attempt, _CONNECT_SECONDS)
            except (OSError, asyncio.TimeoutError):
                continue
            self._address = address
            outside.join(inside)
            return
        outside.give_up()


class Side(asyncio.Protocol):
    """One end of a relayed connection; what it receives the other end sends.

    Reading stops while the other end cannot write (back-pressure), and a half-closed
    connection stays half-closed on the other side.
    """

    def __init__(self, relay: Optional[Relay], peer: Optional["Side"] = None) -> None:
        self._relay = relay
        self._peer = peer
        self._transport: Optional[asyncio.Transport] = None
        self._paused = False
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection from outside waits for the one inside."""
        self._transport = cast(asyncio.Transport, transport)
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._relay is not None:
            self._relay.connect(self)

    def hold(self) -> None:
        """Read nothing until the inside is there."""
        if self._peer is None:
            self._pause(True)

    def join(self, peer: "Side") -> None:
        """Begin to relay."""
        self._peer = peer
        if self._transport is None or self._transport.is_closing():
            peer.give_up()
        self._pause(False)

    def give_up(self) -> None:
        """Close, after what is still to be sent."""
        if self._transport is not None:
            self._transport.close()

    def _pause(self, wanted: bool) -> None:
        if self._transport is None or self._transport.is_closing() or wanted == self._paused:
            return
        self._paused = wanted
        if wanted:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        if self._peer is not None and self._peer._transport is not None:
            self._peer._transport.write(data)

    def eof_received(self) -> bool:
        """Pass the end on; the connection stays open until both ends have ended."""
        self._ended = True
        peer = self._peer
        if peer is None or peer._transport is None or peer._ended:
            return False
        if peer._transport.can_write_eof() and not peer._transport.is_closing():
            peer._transport.write_eof()
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


async def _watch(container: Identity) -> None:
    while is_alive(container):  # noqa: ASYNC110 - nothing tells when a process ends
        await asyncio.sleep(_WATCH_SECONDS)


def _listen(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(mask)
    listener.listen(128)
    listener.setblocking(False)
    return listener


def _allow_many_files() -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _say_ready() -> None:
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def serve(order: Dict[str, Any]) -> None:
    """Relay until the container ends or SIGTERM comes."""
    container = Identity(*order["container"])
    _allow_many_files()
    listener = _listen(order["socket"])
    if order["enter"]:
        namespaces.enter_network(container.pid)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    relay = Relay(loop, order["port"])
    server = loop.run_until_complete(loop.create_unix_server(relay.accept, sock=listener))
    watch = asyncio.ensure_future(_watch(container), loop=loop)
    loop.add_signal_handler(signal.SIGTERM, watch.cancel)
    _say_ready()
    with contextlib.suppress(asyncio.CancelledError):
        loop.run_until_complete(watch)
    server.close()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(order["socket"])


def main() -> None:
    """Entry point of the relay's process: its order comes as JSON on standard input."""
    try:
        serve(json.loads(sys.stdin.read()))
    except OSError as error:
        sys.exit("relay: {}".format(error))
