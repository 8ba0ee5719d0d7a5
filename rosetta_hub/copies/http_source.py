"""A file behind an https address, read as it comes: at most as fast as it is written elsewhere."""

import asyncio
import re
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from tornado.http1connection import HTTP1Connection, HTTP1ConnectionParameters
from tornado.httputil import (
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import IOStream, StreamClosedError
from tornado.tcpclient import TCPClient

from rosetta_hub import __version__
from rosetta_hub.background import spawn
from rosetta_hub.copies.addresses import AddressGuard, FetchRefused, GuardedResolver

# Seconds.
CONNECT_TIMEOUT = 20.0
ANSWER_TIMEOUT = 60.0
SILENCE_TIMEOUT = 120.0
MOST_REDIRECTS = 5
# Chunks that wait to be written.
AHEAD = 4
# Bytes that are read at once.
CHUNK = 256 << 10

_PRINTABLE = re.compile(r"[!-~]+")
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Response:
    """What a server sends: its length where it says so, and the bytes.

    `chunks` raises FetchRefused where the connection ends before the last of them.
    """

    length: int | None
    chunks: AsyncIterator[bytes]


class HttpSource:
    """Fetches files from https addresses, as `guard` permits; plain http where that is allowed."""

    def __init__(self, guard: AddressGuard, allow_http: bool, limit: int) -> None:
        self._client = TCPClient(resolver=GuardedResolver(guard=guard))
        self._schemes = ("https", "http") if allow_http else ("https",)
        self._limit = limit

    def check(self, url: str) -> None:
        """Refuse an address that is never fetched.

        Raises:
            FetchRefused: it is not https, or holds a password, which would be shown.
        """
        try:
            parts = urlsplit(url)
            is_host = bool(parts.hostname) and parts.port != 0 and parts.username is None
            if is_host and parts.scheme in self._schemes and _PRINTABLE.fullmatch(url):
                return
        except ValueError:
            pass
        raise FetchRefused(
            "Only files of addresses that begin with https:// are fetched, without user and"
            " password in them."
        )

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[Response]:
        """Request a file; redirects are followed, and checked in the same way.

        Raises:
            FetchRefused: it can't be fetched, and why.
        """
        for _ in range(MOST_REDIRECTS + 1):
            self.check(url)
            exchange = _Exchange(self._limit)
            stream = await self._connect(url)
            try:
                location = await exchange.begin(stream, url)
                if location is None:
                    yield Response(exchange.length, exchange.chunks())
                    return
            finally:
                stream.close()
                await exchange.end()
            url = urljoin(url, location)
        raise FetchRefused("The server redirects again and again.")

    async def _connect(self, url: str) -> IOStream:
        parts = urlsplit(url)
        is_tls = parts.scheme == "https"
        context = ssl.create_default_context() if is_tls else None
        port = parts.port or (443 if is_tls else 80)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                return await self._client.connect(parts.hostname or "", port, ssl_options=context)
        except ssl.SSLError as error:
            text = f"The certificate of {parts.hostname} can't be checked: {error.reason}."
            raise FetchRefused(text) from error
        except (OSError, StreamClosedError, TimeoutError) as error:
            raise FetchRefused(f"{parts.hostname} does not answer. Try again later.") from error


class _Exchange(HTTPMessageDelegate):
    """One request and its answer."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._status = 0
        self._headers = HTTPHeaders()
        self._answered = asyncio.Event()
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(AHEAD)
        self._is_complete = False
        self._is_abandoned = False
        self._reading: asyncio.Task[None] | None = None

    @property
    def length(self) -> int | None:
        """Bytes that the server announces."""
        text = self._headers.get("Content-Length", "")
        return int(text) if text.isdecimal() else None

    async def begin(self, stream: IOStream, url: str) -> str | None:
        """Send the request; returns where the server redirects to, None where the file comes.

        Raises:
            FetchRefused: neither of the two.
        """
        parts = urlsplit(url)
        parameters = HTTP1ConnectionParameters(
            # The limit is looked at here, where it has a message of its own.
            no_keep_alive=True,
            chunk_size=CHUNK,
            max_body_size=sys.maxsize,
            decompress=False,
        )
        connection = HTTP1Connection(stream, True, parameters)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = HTTPHeaders(
            {
                "Host": parts.netloc,
                "User-Agent": f"rosetta-hub/{__version__}",
                "Accept-Encoding": "identity",
                "Connection": "close",
            }
        )
        connection.write_headers(RequestStartLine("GET", path, "HTTP/1.1"), headers)
        connection.finish()
        self._reading = spawn(self._read(connection), f"file of {parts.hostname}")
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await self._answered.wait()
        except TimeoutError as error:
            raise FetchRefused(f"{parts.hostname} does not answer. Try again later.") from error
        return self._location(parts.hostname or "")

    def _location(self, host: str) -> str | None:
        if self._status in _REDIRECTS and "Location" in self._headers:
            return self._headers["Location"]
        if self._status != 200:
            what = f"answers {self._status}" if self._status else "does not answer as it should"
            raise FetchRefused(f"{host} {what}: there is no such file, or it is not public.")
        if self._headers.get("Content-Encoding", "identity") != "identity":
            raise FetchRefused(f"{host} sends the file compressed only.")
        if self.length is not None and self.length > self._limit:
            raise self._too_large()
        return None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes of the file."""
        size = 0
        while True:
            try:
                async with asyncio.timeout(SILENCE_TIMEOUT):
                    chunk = await self._queue.get()
            except TimeoutError as error:
                raise FetchRefused("The server has stopped sending. Try again later.") from error
            if chunk is None:
                break
            size += len(chunk)
            if size > self._limit:
                raise self._too_large()
            yield chunk
        if not self._is_complete or (self.length is not None and size != self.length):
            raise FetchRefused("The connection ended before the file was complete. Try again.")

    async def end(self) -> None:
        """Stop reading, once the connection is closed."""
        self._is_abandoned = True
        # Who waits for room goes on, and finds the connection closed.
        while not self._queue.empty():
            self._queue.get_nowait()
        if self._reading is not None:
            await self._reading

    async def _read(self, connection: HTTP1Connection) -> None:
        try:
            await connection.read_response(self)
        except (OSError, StreamClosedError, HTTPInputError, ValueError):
            # Told by what is missing.
            self._is_complete = False
        finally:
            self._answered.set()
        if not self._is_abandoned:
            await self._queue.put(None)

    def _too_large(self) -> FetchRefused:
        return FetchRefused(f"The file is larger than {self._limit >> 20} MB, which is the limit.")

    # --- what the connection calls ---------------------------------------------------------------

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        """The answer has begun; interim answers are passed over."""
        if isinstance(start_line, ResponseStartLine) and start_line.code >= 200:
            self._status, self._headers = start_line.code, headers
            self._answered.set()
        return None

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """A piece of the file: the connection waits until there is room for it."""
        return None if self._is_abandoned else self._queue.put(chunk)

    def finish(self) -> None:
        """The answer is complete."""
        self._is_complete = True
