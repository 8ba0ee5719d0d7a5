"""An edge that brings connections to a program of the test."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

from rosetta_hub.database.models import Task
from rosetta_hub.errors import Conflict
from rosetta_hub.sidecar_client import STREAM_LIMIT, Upgraded

Program = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back all that comes, then end the direction."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


class FakeEdge:
    """Connects to `program`, over a pair of real sockets."""

    def __init__(self) -> None:
        self.program: Program = echo
        self.is_open = True
        self.connected: list[tuple[str, int | None]] = []
        self.writers: list[asyncio.StreamWriter] = []
        self._programs: set[asyncio.Task[None]] = set()

    async def connect(self, task: Task, interface: int | None) -> Upgraded:
        """As the edge's publisher does."""
        if not self.is_open:
            raise Conflict("This task is not ready.")
        self.connected.append((task.id, interface))
        near, far = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=far)
        self.writers.append(writer)
        running = asyncio.ensure_future(self.program(reader, writer))
        self._programs.add(running)
        stream = Upgraded({}, *await asyncio.open_connection(sock=near))
        stream.writer.transport.set_write_buffer_limits(STREAM_LIMIT)
        return stream

    async def close(self) -> None:
        """End what is left."""
        for running in self._programs:
            running.cancel()
        await asyncio.gather(*self._programs, return_exceptions=True)
        for writer in self.writers:
            writer.transport.abort()
