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

    def __init__(self, address: str, pause: Callable[[int], None]) -> None:
        super().__init__((address, 0), _Connection)
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


class Valve:
    """Lets bytes through; those that come after so many more wait until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._left = 0
        self._open = threading.Event()
        self._open.set()

    def close_after(self, size: int) -> None:
        """Hold what comes after so many bytes; `reached` is set when something waits."""
        self._left = size
        self.reached.clear()
        self._open.clear()

    def open(self) -> None:
        """Let everything through."""
        self._open.set()

    def take(self, size: int) -> None:
        """Count bytes that have passed, and wait where it is time to."""
        self._left -= size
        if not self._open.is_set() and self._left <= 0:
            self.reached.set()
            self._open.wait()


@contextlib.contextmanager
def held_line(host: str, port: int, valve: Valve, address: str = "127.0.0.1") -> Iterator[str]:
    """The `host:port` at which the target is reached as the valve lets it."""
    with _serving(host, port, valve.take, address) as proxy:
        yield proxy
        valve.open()


@contextlib.contextmanager
def _serving(
    host: str, port: int, pause: Callable[[int], None], address: str = "127.0.0.1"
) -> Iterator[str]:
    with _Proxy(address, pause) as proxy:
        proxy.target = (host, port)
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"{address}:{proxy.server_address[1]}"
        proxy.shutdown()
