"""A slow line: a proxy that lets a few megabytes a second through."""

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Iterator

# A piece each few milliseconds: about 8 MB/s, so that 20 MB take longer than two reports.
_PIECE, _PAUSE = 65536, 0.008


class _Connection(socketserver.BaseRequestHandler):
    server: "_Proxy"

    def handle(self) -> None:
        with socket.create_connection(self.server.target) as upstream:
            sending = threading.Thread(target=_copy, args=(self.request, upstream, 0.0))
            sending.start()
            _copy(upstream, self.request, _PAUSE)
            sending.join()


class _Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    target = ("", 0)


def _copy(source: socket.socket, target: socket.socket, pause: float) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_PIECE):
            target.sendall(data)
            time.sleep(pause)
    # Both ways end: HTTP clients here do not half-close.
    for side in (source, target):
        with contextlib.suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def slow_line(host: str, port: int) -> Iterator[str]:
    """The `host:port` at which the target is reached slowly."""
    with _Proxy(("127.0.0.1", 0), _Connection) as proxy:
        proxy.target = (host, port)
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{proxy.server_address[1]}"
        proxy.shutdown()
