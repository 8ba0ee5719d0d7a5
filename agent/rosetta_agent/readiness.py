"""Does the interface answer? What that means depends on the protocol.

http, https: any HTTP answer. ssh: the banner (RFC 4253, 4.2). Anything else: the connection
is accepted and still open a moment later.
"""

import contextlib
import socket
import ssl
from typing import Optional, Tuple, Union

from rosetta_agent.errors import TaskFailure
from rosetta_agent.protocol import GREETINGS

Address = Union[str, Tuple[str, int]]

_STILL_OPEN_SECONDS = 0.3
_OTHER = {"http": "https", "https": "http"}
_NAMES = {"http": "http", "https": "https (TLS)"}
_ENOUGH = len(b"HTTP/1.1 200")


def probe(
    address: Address, protocol: str, path: str, seconds: float, method: str = "GET"
) -> Optional[str]:
    """Try once; returns the protocol that answers, None where nothing does yet.

    That is ``protocol``, or the other one of http and https: a server with TLS hangs up on a
    plain request, or answers it with status 400. ``address`` is the path of a unix socket, or
    host and port; ``seconds`` bounds each wait.
    """
    request = build_request(path, method)
    reply = _first_bytes(address, protocol, request, seconds)
    if reply is None:
        return None
    greets = reply.startswith(GREETINGS.get(protocol, b""))
    other = _OTHER.get(protocol)
    if other is None or (greets and not _is_bad_request(protocol, reply)):
        return protocol if greets else None
    reply = _first_bytes(address, other, request, seconds) or b""
    if reply.startswith(GREETINGS[other]) and not _is_bad_request(other, reply):
        return other
    return protocol if greets else None


def wrong_protocol(protocol: str, answer: str) -> TaskFailure:
    """The failure of an interface that speaks another protocol than its entry says."""
    message = "The interface speaks {}, its entry in the catalogue says {}."
    text = message.format(_NAMES[answer], _NAMES[protocol])
    return TaskFailure("wrong_protocol", text, text)


def _is_bad_request(protocol: str, reply: bytes) -> bool:
    return protocol == "http" and reply[9:12] == b"400"


def _first_bytes(
    address: Address, protocol: str, request: bytes, seconds: float
) -> Optional[bytes]:
    """The begin of what the other side says; empty where it hangs up, None where it is silent.

    A protocol without a known greeting counts as silent while it hangs up at once.
    """
    try:
        connection = _connect(address, seconds)
    except OSError:
        return None
    with connection:
        try:
            if protocol not in GREETINGS:
                return b"" if _stays_open(connection) else None
            if protocol == "https":
                with _wrap(connection) as secured:
                    secured.sendall(request)
                    return _receive(secured)
            if protocol == "http":
                connection.sendall(request)
            return _receive(connection)
        except socket.timeout:
            return None
        except OSError:
            return b""


def _connect(address: Address, seconds: float) -> socket.socket:
    if isinstance(address, tuple):
        return socket.create_connection(address, seconds)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def build_request(path: str, method: str = "GET") -> bytes:
    """A request for ``path`` that asks to close the connection afterwards."""
    lines = "{} {} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    return lines.format(method, path).encode("ascii")


def _wrap(connection: socket.socket) -> ssl.SSLSocket:
    """Containers have certificates of their own making: only their presence matters here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection)


def _receive(connection: socket.socket) -> bytes:
    """As much as tells the protocol, and the status of HTTP."""
    received = b""
    while len(received) < _ENOUGH:
        data = connection.recv(_ENOUGH - len(received))
        if not data:
            break
        received += data
    return received


def _stays_open(connection: socket.socket) -> bool:
    connection.settimeout(_STILL_OPEN_SECONDS)
    with contextlib.suppress(socket.timeout):
        return bool(connection.recv(1))
    return True
