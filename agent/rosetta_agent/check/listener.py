"""The listener of a check: by it the hub measures the way to the node.

Whoever knows the token may ask, one line a connection: ``TOKEN clock``, ``TOKEN send BYTES``.
"""

import hmac
import os
import socket
import threading
import time
from typing import Any, Dict, Optional

_MAX_LINE = 200
_ANSWER_SECONDS = 60.0
_BLOCK = 1 << 18


def listen(kind: Optional[str], socket_path: str, token: str) -> Optional[Dict[str, Any]]:
    """Start to listen; returns where (``port`` or ``unix``), an ``error``, or None for no kind."""
    if kind is None:
        return None
    try:
        server = _open(kind, socket_path)
    except OSError as error:
        return {"error": str(error)}
    thread = threading.Thread(target=_serve, args=(server, token), name="listener", daemon=True)
    thread.start()
    return {"unix": socket_path} if kind == "unix" else {"port": server.getsockname()[1]}


def _open(kind: str, socket_path: str) -> socket.socket:
    if kind == "unix":
        server = socket.socket(socket.AF_UNIX)
        server.bind(socket_path)
    else:
        server = socket.socket(socket.AF_INET)
        server.bind(("0.0.0.0", 0))
    server.listen(5)
    return server


def _serve(server: socket.socket, token: str) -> None:
    while True:
        connection = server.accept()[0]
        try:
            with connection:
                connection.settimeout(_ANSWER_SECONDS)
                _answer(connection, token)
        except OSError:
            continue


def _answer(connection: socket.socket, token: str) -> None:
    """Answer one question; a stranger gets no byte."""
    line = b""
    while not line.endswith(b"\n") and len(line) < _MAX_LINE:
        part = connection.recv(_MAX_LINE)
        if not part:
            return
        line += part
    words = line.decode("latin-1").split()
    if len(words) < 2 or not hmac.compare_digest(words[0].encode(), token.encode()):
        return
    if words[1] == "clock":
        connection.sendall("{:.6f}\n".format(time.time()).encode())
    elif words[1] == "send" and len(words) == 3 and words[2].isdigit():
        remaining, block = int(words[2]), os.urandom(_BLOCK)
        while remaining > 0:
            connection.sendall(block[:remaining])
            remaining -= len(block)
