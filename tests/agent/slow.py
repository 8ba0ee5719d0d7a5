"""A slow line: a proxy that lets a few megabytes a second through, or holds what comes."""

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator

# A piece each few milliseconds: about 8 MB/s, so that 20 MB take longer than two reports.
_PIECE, _PAUSE = 65536, 0.008


class _Connection(socketserver.BaseRequestHandler):
    server: "_Proxy"

    def handle(self) -> None:
        with socket.create_connection(self.server.target) as upstream:
            sending = threading.Thread(target=_copy, args=(self.request, upstream, _no_pause))
            sending.start()
            _copy(upstream, self.request, self.server.pause)
            sending.join()


class _Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    target = ("", 0)

    def __init__(self, pause: Callable[[int], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.pause = pause


def _no_pause(_size: int) -> None:
    pass


def _copy(source: socket.socket, target: socket.socket, pause: Callable[[int], None]) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_PIECE):
            target.sendall(data)
            pause(len(data))
    # Both ways end: HTTP clients here do not half-close.
    for side in (source, target):
        with contextlib.suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def slow_line(host: str, port: int) -> Iterator[str]:
    """The `host:port` at which the target is reached slowly."""
    with _serving(host, port, lambda _size: time.sleep(_PAUSE)) as proxy:
        yield proxy


@contextlib.contextmanager
def held_line(host: str, port: int, size: int, released: threading.Event) -> Iterator[str]:
    """The `host:port` at which the target is reached; after so many bytes it has to be released."""
    passed = 0

    def hold(more: int) -> None:
        nonlocal passed
        passed += more
        if passed >= size:
            released.wait()

    with _serving(host, port, hold) as proxy:
        yield proxy
    released.set()


@contextlib.contextmanager
def _serving(host: str, port: int, pause: Callable[[int], None]) -> Iterator[str]:
    with _Proxy(pause) as proxy:
        proxy.target = (host, port)
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{proxy.server_address[1]}"
        proxy.shutdown()
