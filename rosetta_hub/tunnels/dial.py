"""The port that nodes dial: small HTTP requests that become raw connections."""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any

from rosetta_agent.protocol import DIAL_PATH, DIAL_UPGRADE
from rosetta_hub.tunnels.registry import TunnelRegistry
from rosetta_hub.tunnels.transport_reverse import ReverseTransport

HANDSHAKE_TIMEOUT = 10.0
LARGEST_HEAD = 8192
# Connections that have not said yet who they are.
MOST_UNKNOWN = 256

_PURPOSE = r"(?:(control)|stream/([0-9a-f]{32}))"
_PATH = re.compile(
    DIAL_PATH.format(task=r"(\w{1,40})", attempt=r"(\d{1,9})", purpose=_PURPOSE), re.ASCII
)
_SWITCH = (
    f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {DIAL_UPGRADE}\r\n\r\n"
).encode()
_REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    410: "Gone",
    503: "Service Unavailable",
}


@dataclass(frozen=True)
class DialRequest:
    """What a node asks for."""

    task: str
    attempt: int
    stream: str | None
    """None: the control connection."""
    secret: str = field(repr=False)


def parse_request(head: str) -> DialRequest | None:
    """Read the head of a request, without its empty line; None when it is something else."""
    first, *lines = head.split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or words[0] != "GET" or words[2] != "HTTP/1.1":
        return None
    path = _PATH.fullmatch(words[1])
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    is_upgrade = headers.get("upgrade", "").lower() == DIAL_UPGRADE
    if path is None or not is_upgrade or scheme.lower() != "bearer":
        return None
    return DialRequest(path[1], int(path[2]), path[4], secret.strip())


def build_refusal(status: int) -> bytes:
    """An answer after which the connection is closed."""
    return (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    ).encode()


class DialServer:
    """Judges who dials. A node is refused for good only when this is certain."""

    def __init__(self, registry: TunnelRegistry) -> None:
        self._registry = registry
        self.unknown = 0

    def make_protocol(self) -> asyncio.Protocol:
        """For a connection that was just made."""
        return _Dialling(self)

    def find_transport(self, request: DialRequest) -> ReverseTransport | int:
        """The transport that the node belongs to, or the status of the refusal."""
        tunnel = self._registry.get(request.task)
        if tunnel is None or request.attempt > tunnel.tunnel.attempt:
            # The service may only not have said so yet: it tells the agent itself of its end.
            return 503
        if request.attempt < tunnel.tunnel.attempt:
            return 410
        transport = tunnel.transport
        if not isinstance(transport, ReverseTransport) or not transport.is_secret(request.secret):
            return 401
        return transport


class _Dialling(asyncio.Protocol):
    """A connection until it has said who it is."""

    def __init__(self, listener: DialServer) -> None:
        self._listener = listener
        self._head = bytearray()
        self._transport: Any = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        if self._listener.unknown >= MOST_UNKNOWN:
            transport.abort()
            return
        self._listener.unknown += 1
        self._timer = asyncio.get_running_loop().call_later(HANDSHAKE_TIMEOUT, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle()

    def data_received(self, data: bytes) -> None:
        if self._timer is None:
            return
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if (end if end >= 0 else len(self._head)) > LARGEST_HEAD:
            self._refuse(400)
        elif end >= 0:
            self._settle()
            self._answer(self._head[:end].decode("latin-1"), bytes(self._head[end + 4 :]))

    def _settle(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._listener.unknown -= 1

    def _refuse(self, status: int) -> None:
        self._settle()
        self._transport.write(build_refusal(status))
        self._transport.close()

    def _answer(self, head: str, rest: bytes) -> None:
        request = parse_request(head)
        transport = 400 if request is None else self._listener.find_transport(request)
        if request is None or isinstance(transport, int):
            self._refuse(400 if isinstance(transport, ReverseTransport) else transport)
            return
        protocol: asyncio.Protocol | None
        if request.stream is None:
            self._transport.write(_SWITCH)
            protocol = transport.take_control(self._transport)
        else:
            half = transport.take_stream(request.stream)
            if half is None:
                self._refuse(404)
                return
            self._transport.write(_SWITCH)
            half.connection_made(self._transport)
            protocol = half
        self._transport.set_protocol(protocol)
        if rest:
            protocol.data_received(rest)
