"""What may stand between a client and its hub: connections that break, and proxies."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

CHUNK = 64 << 10


class Relay:
    """Carries connections to the service.

    `cuts`: for the next connections, bytes of requests after which each is cut. `withholds`:
    whether streams of events are kept back until they end. `largest`: bytes of a request's body
    that are let through; what is larger gets a page with status 413, as from nginx.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.cuts: list[int] = []
        self.connections = 0
        self.withholds = False
        self.largest: int | None = None
        self.refused = 0
        self._writers: set[asyncio.StreamWriter] = set()

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator["Relay"]:
        """Listen."""
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut_all()

    def cut_all(self) -> None:
        """Break all connections."""
        for writer in self._writers:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        result = self.cuts.pop(0) if self.cuts else None
        out_reader, out_writer = await asyncio.open_connection("127.0.0.1", self.target)
        self._writers |= {writer, out_writer}
        back = asyncio.create_task(self._answer(out_reader, writer))
        try:
            await self._request(reader, writer, out_writer, result)
        except OSError:
            pass
        finally:
            out_writer.close()
            with contextlib.suppress(OSError):
                await back
            writer.close()
            self._writers -= {writer, out_writer}

    async def _request(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        out: asyncio.StreamWriter,
        remaining: int | None,
    ) -> None:
        while data := await reader.read(CHUNK):
            if self.largest is not None and _length(data) > self.largest:
                self.refused += 1
                writer.write(
                    b"HTTP/1.1 413 Too large\r\nContent-Type: text/html\r\n"
                    b"Content-Length: 6\r\nConnection: close\r\n\r\n<html>"
                )
                await writer.drain()
                return
            if remaining is not None:
                remaining -= len(data)
                if remaining < 0:
                    writer.transport.abort()
                    return
            out.write(data)
            await out.drain()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        content = b""
        while data := await reader.read(CHUNK):
            content += data
            if self.withholds and b"text/event-stream" in content:
                continue
            writer.write(content)
            content = b""
            await writer.drain()
        # The service has closed the connection, which the client has to see.
        writer.close()


def _length(data: bytes) -> int:
    """The length of the body that a request announces; 0 for what is no head of one."""
    head = data.partition(b"\r\n\r\n")[0].lower()
    _, result, rest = head.partition(b"content-length: ")
    return int(rest.split(b"\r\n")[0]) if result else 0
