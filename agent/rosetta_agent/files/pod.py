"""The files program in a pod: a port of its loopback address, for those who know its secret.

Each connection is served by a process of its own, as one over SSH is. The program ends by itself
when nobody has been connected for a while, so that no pod is left where the hub is gone.
"""

import contextlib
import os
import signal
import socket
import sys
import time
from typing import List, Set

from rosetta_agent.files import server
from rosetta_agent.protocol import HELLO_SIZE, PROOF_SIZE, HandshakeError, ServerHandshake

_USAGE = "usage: PORT IDLE_SECONDS SECRET_FILE\n"
#: Connections at a time; one more waits until another one has ended.
MAX_CONNECTIONS = 64
_HANDSHAKE_SECONDS = 10.0
#: Seconds between two looks at which connections have ended.
_LOOK_INTERVAL = 1.0


def main(arguments: List[str]) -> int:
    """Serve connections until there have been none for so many seconds; returns the exit status."""
    try:
        port, idle, path = int(arguments[0]), float(arguments[1]), arguments[2]
    except (IndexError, ValueError):
        sys.stderr.write(_USAGE)
        return 2
    with open(path, encoding="ascii") as file:
        key = bytes.fromhex(file.read().strip())
    # The first process of a container has no default action for it.
    signal.signal(signal.SIGTERM, lambda _number, _frame: os._exit(0))
    os.umask(0o022)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(MAX_CONNECTIONS)
        listener.settimeout(_LOOK_INTERVAL)
        sys.stdout.write("listening on {}\n".format(listener.getsockname()[1]))
        sys.stdout.flush()
        _serve(listener, key, idle)
    return 0


def _serve(listener: socket.socket, key: bytes, idle: float) -> None:
    children: Set[int] = set()
    used = time.monotonic()
    while children or time.monotonic() - used < idle:
        if len(children) < MAX_CONNECTIONS:
            with contextlib.suppress(socket.timeout):
                connection, _address = listener.accept()
                children.add(_start(listener, connection, key))
        else:
            time.sleep(_LOOK_INTERVAL)
        if children:
            used = time.monotonic()
            _reap(children)


def _reap(children: Set[int]) -> None:
    for child in list(children):
        if os.waitpid(child, os.WNOHANG)[0]:
            children.discard(child)


def _start(listener: socket.socket, connection: socket.socket, key: bytes) -> int:
    child = os.fork()
    if child:
        connection.close()
        return child
    status = 1
    try:
        listener.close()
        status = _answer(connection, key)
    finally:
        # Nothing of the parent's is to be cleaned up here.
        os._exit(status)


def _answer(connection: socket.socket, key: bytes) -> int:
    try:
        connection.settimeout(_HANDSHAKE_SECONDS)
        handshake = ServerHandshake(key)
        connection.sendall(handshake.feed(_read(connection, HELLO_SIZE)))
        handshake.feed(_read(connection, PROOF_SIZE))
    except (HandshakeError, OSError):
        return 1
    connection.settimeout(None)
    os.dup2(connection.fileno(), 0)
    os.dup2(connection.fileno(), 1)
    connection.close()
    return server.main([])


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise HandshakeError("the connection ended")
        data += piece
    return data
