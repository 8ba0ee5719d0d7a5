"""Both ends of a forwarded stream, for tests without a server."""

import asyncio
from typing import Any

from rosetta_hub.tunnels.forwarded_stream import ForwardedStream
from rosetta_hub.tunnels.relay import Half


class Transport(asyncio.Transport):
    """Keeps what it was called with; the test plays the event loop."""

    def __init__(self, stream: ForwardedStream) -> None:
        super().__init__()
        self.stream = stream
        self.sent: list[bytes] = []
        self.calls: list[str] = []
        self.high: int | None = None
        stream.connection_made(self)

    def write(self, data: Any) -> None:
        self.sent.append(data)

    def is_closing(self) -> bool:
        return "close" in self.calls or "abort" in self.calls

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high

    def close(self) -> None:
        self._end("close")

    def abort(self) -> None:
        self._end("abort")

    def _end(self, call: str) -> None:
        if not self.is_closing():
            asyncio.get_running_loop().call_soon(self.stream.connection_lost, None)
        self.calls.append(call)


class Receiver(Half):
    """Keeps what it was called with."""

    def __init__(self) -> None:
        super().__init__()
        self.flow: list[str] = []
        self.errors: list[Exception | None] = []

    def pause_writing(self) -> None:
        self.flow.append("pause")

    def resume_writing(self) -> None:
        self.flow.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.errors.append(exc)
        super().connection_lost(exc)
