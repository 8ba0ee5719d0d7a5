"""Does the interface answer? What that means depends on the protocol.

http, https: any HTTP answer. ssh: the banner (RFC 4253, 4.2). Anything else: the connection
is accepted and still open a moment later.
"""

import contextlib
import socket
import ssl
from typing import Tuple, Union

Address = Union[str, Tuple[str, int]]

_STILL_OPEN_SECONDS = 0.3
_GREETINGS = {"http": b"HTTP/", "https": b"HTTP/", "ssh": b"SSH-"}


def answers(address: Address, protocol: str, path: str, seconds: float) -> bool:
    """Try once; ``address`` is the path of a unix socket, or host and port.

    ``seconds`` bounds each wait; no answer in time is no answer.
    """
    try:
        with _connect(address, seconds) as connection:
            return _greets(connection, protocol, path)
    except OSError:
        return False


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


def _greets(connection: socket.socket, protocol: str, path: str) -> bool:
    greeting = _GREETINGS.get(protocol)
    if greeting is None:
        return _stays_open(connection)
    if protocol == "https":
        with _wrap(connection) as secured:
            secured.sendall(build_request(path))
            return _starts_with(secured, greeting)
    if protocol == "http":
        connection.sendall(build_request(path))
    return _starts_with(connection, greeting)


def build_request(path: str) -> bytes:
    """A GET of ``path`` that asks to close the connection afterwards."""
    lines = "GET {} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    return lines.format(path).encode("ascii")


def _wrap(connection: socket.socket) -> ssl.SSLSocket:
    """Containers have certificates of their own making: only their presence matters here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection)


def _starts_with(connection: socket.socket, expected: bytes) -> bool:
    received = b""
    while len(received) < len(expected):
        data = connection.recv(len(expected) - len(received))
        if not data:
            return False
        received += data
    return received == expected


def _stays_open(connection: socket.socket) -> bool:
    connection.settimeout(_STILL_OPEN_SECONDS)
    with contextlib.suppress(socket.timeout):
        return bool(connection.recv(1))
    return True
