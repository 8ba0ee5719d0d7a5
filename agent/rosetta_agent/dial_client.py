"""Dials the edge where nothing can connect to the node, and carries interfaces to it.

One control connection is kept to the edge, and one is dialled for each that the edge wants to open:
back-pressure is TCP's own, and so is a half-closed connection, except through TLS. Lost connections
are dialled again for ever. Nothing but the standard library and our own modules of streams is
imported: this is a part of the program of a pod's second container, too (see sidecar.py).
"""

import asyncio
import contextlib
import functools
import json
import random
import socket
import ssl
import sys
import urllib.parse
from typing import Any, Callable, Coroutine, Dict, Mapping, NamedTuple, Optional, Set

from rosetta_agent.protocol import DIAL_PATH, DIAL_UPGRADE
from rosetta_agent.splice import Connector, Side

#: The edge sends a ping every 15 s.
_DEAD_SECONDS = 45.0
_CONNECT_SECONDS = 10.0
_PAUSE_FIRST, _PAUSE_MOST = 0.5, 15.0
_MAX_HEAD = 8192
_MAX_LINE = 4096
_TROUBLE = (OSError, ValueError, EOFError, asyncio.TimeoutError, asyncio.LimitOverrunError)


class DialTarget(NamedTuple):
    """Whom to dial on behalf of which attempt; ``ca`` are the certificates to trust, in PEM."""

    url: str
    ca: Optional[str]
    secret: str
    task: str
    attempt: int

    def __repr__(self) -> str:
        """Without the secret."""
        return "<DialTarget {}-{}>".format(self.task, self.attempt)


def build_request(target: DialTarget, host: str, purpose: str) -> bytes:
    """Ask the edge to make a tunnel of the connection: ``control``, or ``stream/<id>``."""
    path = DIAL_PATH.format(task=target.task, attempt=target.attempt, purpose=purpose)
    lines = [
        "GET {} HTTP/1.1".format(path),
        "Host: " + host,
        "Authorization: Bearer " + target.secret,
        "Connection: Upgrade",
        "Upgrade: " + DIAL_UPGRADE,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def parse_status(head: bytes) -> int:
    """The status in the head of an HTTP answer; 0 where it is none."""
    words = head.split(b"\r\n", 1)[0].split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


def parse_line(line: bytes) -> Dict[str, Any]:
    """A line of the control connection: ``open`` with an id, ``ping`` with a number, or neither.

    ``port`` beside ``open`` names a further interface.

    Raises:
        ValueError: it is not JSON.
    """
    document = json.loads(line.decode("utf-8"))
    if not isinstance(document, dict):
        raise ValueError("not an object")
    stream_id = document.get("open")
    if isinstance(stream_id, str) and len(stream_id) == 32 and stream_id.isalnum():
        port = document.get("port")
        return {"open": stream_id, "port": port} if isinstance(port, int) else {"open": stream_id}
    return {"ping": document["ping"]} if isinstance(document.get("ping"), int) else {}


class Dialled(Side):
    """A connection to the edge, which becomes a stream when the edge has agreed."""

    def __init__(self, request: bytes, agreed: Callable[[Side], None]) -> None:
        super().__init__()
        self._request = request
        self._agreed: Optional[Callable[[Side], None]] = agreed
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the tunnel."""
        super().connection_made(transport)
        keep_alive(transport)
        if self._transport is not None:
            self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """The head of the answer, then whatever the stream carries."""
        if self._agreed is None:
            super().data_received(data)
            return
        head, end, rest = (self._head + data).partition(b"\r\n\r\n")
        self._head = head + end
        if not end and len(head) < _MAX_HEAD:
            return
        if parse_status(head) != 101:
            self.give_up()
            return
        if rest:
            self._early.append(rest)
        agreed, self._agreed = self._agreed, None
        agreed(self)

    def give_up_unless_agreed(self) -> None:
        """Close where the edge has not answered."""
        if self._agreed is not None:
            self.give_up()


def keep_alive(transport: asyncio.BaseTransport) -> None:
    """Notice after a while that the other side is gone, when nothing is sent."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10)):
            connection.setsockopt(socket.IPPROTO_TCP, option, value)


class Dialer:
    """Keeps the control connection, and opens streams as it says.

    ``backends`` lead to the main interface (None) and, by their ports, to the further ones.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        target: DialTarget,
        backends: Mapping[Optional[int], Connector],
    ) -> None:
        self._loop = loop
        self._target = target
        self._backends = backends
        parts = urllib.parse.urlsplit(target.url)
        is_secure = parts.scheme == "https"
        self._tls = ssl.create_default_context(cadata=target.ca) if is_secure else None
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._tls else 80)
        self._netloc = parts.netloc
        self._tasks: Set["asyncio.Future[None]"] = set()

    async def run(self) -> None:
        """Dial, and dial again, with growing pauses where it does not work."""
        pause = _PAUSE_FIRST
        while True:
            try:
                if await self._control():
                    pause = _PAUSE_FIRST
            except _TROUBLE as error:
                sys.stderr.write("dialer: {}\n".format(error or type(error).__name__))
                sys.stderr.flush()
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - not a secret
            pause = min(2 * pause, _PAUSE_MOST)

    async def _control(self) -> bool:
        """One life of the control connection; returns whether it was accepted."""
        connect = asyncio.open_connection(self._host, self._port, ssl=self._tls, limit=_MAX_LINE)
        reader, writer = await asyncio.wait_for(connect, _CONNECT_SECONDS)
        try:
            writer.write(build_request(self._target, self._netloc, "control"))
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _CONNECT_SECONDS)
            if parse_status(head) != 101:
                raise ValueError("the edge answered {}".format(parse_status(head)))
            keep_alive(writer.transport)
            with contextlib.suppress(OSError, EOFError, asyncio.TimeoutError):
                while True:
                    line = await asyncio.wait_for(reader.readline(), _DEAD_SECONDS)
                    if not line:
                        break
                    self._obey(parse_line(line), writer)
            return True
        finally:
            writer.close()

    def _obey(self, order: Dict[str, Any], writer: asyncio.StreamWriter) -> None:
        if "ping" in order:
            writer.write(json.dumps({"pong": order["ping"]}).encode("ascii") + b"\n")
        elif "open" in order and order.get("port") in self._backends:
            self._spawn(self._stream(order["open"], self._backends[order.get("port")]))

    def _spawn(self, work: "Coroutine[Any, Any, None]") -> None:
        task = asyncio.ensure_future(work, loop=self._loop)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _stream(self, name: str, backend: Connector) -> None:
        request = build_request(self._target, self._netloc, "stream/" + name)
        make = functools.partial(Dialled, request, backend.connect)
        dial = self._loop.create_connection(make, self._host, self._port, ssl=self._tls)
        try:
            _transport, dialled = await asyncio.wait_for(dial, _CONNECT_SECONDS)
            self._loop.call_later(_CONNECT_SECONDS, dialled.give_up_unless_agreed)
        except (OSError, asyncio.TimeoutError) as error:
            sys.stderr.write("dialer: no stream: {}\n".format(error))
            sys.stderr.flush()
