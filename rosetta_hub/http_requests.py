"""Requests to servers that users name: guarded addresses, bounded answers, a deadline each."""

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
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
from rosetta_hub.addresses import AddressGuard, GuardedResolver, RequestFailed
from rosetta_hub.background import spawn

REDIRECTS = (301, 302, 303, 307, 308)

# Chunks that wait to be taken.
AHEAD = 4
# Bytes that are read at once.
CHUNK = 256 << 10


@dataclass(frozen=True)
class Timeouts:
    """Seconds until a server accepts a connection, until it answers, and between two chunks."""

    connect: float = 20.0
    answer: float = 60.0
    read: float = 120.0


@dataclass(frozen=True)
class Request:
    """What is sent. `headers` may hold credentials: they are in no `repr`."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Response:
    """What a server sends: its length where it says so, and the bytes.

    `chunks` raises RequestFailed where the connection ends before the last of them, or where there
    are more than the client's limit.
    """

    status: int
    headers: HTTPHeaders
    length: int | None
    chunks: AsyncIterator[bytes]


def redirect_url(url: str, response: Response) -> str | None:
    """The address to which the response of `url` redirects; None where it does not.

    Raises:
        RequestFailed: it redirects to what is no address.
    """
    location = response.headers.get("Location")
    if response.status not in REDIRECTS or not location:
        return None
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise RequestFailed("redirect", "The server redirects to what is no address.") from error


class HttpClient:
    """One connection for each request, to addresses that `guard` permits (None: to all).

    `limit` is in bytes of a body. Redirects are the caller's business.
    """

    def __init__(self, guard: AddressGuard | None, limit: int, timeouts: Timeouts) -> None:
        resolver = GuardedResolver(guard=guard) if guard is not None else None
        self._client = TCPClient(resolver=resolver)
        self._limit = limit
        self._timeouts = timeouts

    @asynccontextmanager
    async def open(
        self, request: Request, context: ssl.SSLContext | None = None
    ) -> AsyncIterator[Response]:
        """Send a request, with `context` for https; the body is read as the caller takes it.

        Raises:
            RequestFailed: nothing answers, or not as a server should.
        """
        stream = await self._connect(request, context)
        exchange = _Exchange(request, self._limit, self._timeouts)
        try:
            yield await exchange.begin(stream)
        finally:
            stream.close()
            await exchange.end()

    async def _connect(self, request: Request, context: ssl.SSLContext | None) -> IOStream:
        parts = urlsplit(request.url)
        is_tls = parts.scheme == "https"
        options = (context or ssl.create_default_context()) if is_tls else None
        port = parts.port or (443 if is_tls else 80)
        host = parts.hostname or ""
        try:
            async with asyncio.timeout(self._timeouts.connect):
                return await self._client.connect(host, port, ssl_options=options)
        except ssl.SSLError as error:
            # What verification says is a message; other reasons are names such as WRONG_VERSION.
            detail = getattr(error, "verify_message", "") or error.reason
            message = f"The certificate of {host} can't be checked: {detail}."
            raise RequestFailed("certificate", message) from error
        except (OSError, StreamClosedError, TimeoutError) as error:
            message = f"{host} does not answer. Try again later."
            raise RequestFailed("unreachable", message) from error


class _Exchange(HTTPMessageDelegate):
    """One request and its answer."""

    def __init__(self, request: Request, limit: int, timeouts: Timeouts) -> None:
        self._request = request
        self._host = urlsplit(request.url).hostname or ""
        self._limit = limit
        self._timeouts = timeouts
        self._status = 0
        self._headers = HTTPHeaders()
        self._answered = asyncio.Event()
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(AHEAD)
        self._is_complete = False
        self._is_abandoned = False
        self._reading: asyncio.Task[None] | None = None

    async def begin(self, stream: IOStream) -> Response:
        """Send the request, and wait for the beginning of the answer.

        Raises:
            RequestFailed: there is none.
        """
        parameters = HTTP1ConnectionParameters(
            # The limit is looked at here, where it has a message of its own.
            no_keep_alive=True,
            chunk_size=CHUNK,
            max_body_size=sys.maxsize,
            decompress=False,
        )
        connection = HTTP1Connection(stream, True, parameters)
        connection.write_headers(self._start_line(), self._request_headers())
        connection.finish()
        self._reading = spawn(self._read(connection), f"answer of {self._host}")
        try:
            async with asyncio.timeout(self._timeouts.answer):
                await self._answered.wait()
        except TimeoutError as error:
            message = f"{self._host} does not answer. Try again later."
            raise RequestFailed("silent", message) from error
        if not self._status:
            message = f"{self._host} does not answer as it should."
            raise RequestFailed("incomplete", message)
        if self._status == 200 and not self._is_head and (self._length or 0) > self._limit:
            raise self._too_large()
        return Response(self._status, self._headers, self._length, self._chunks())

    @property
    def _is_head(self) -> bool:
        return self._request.method == "HEAD"

    @property
    def _length(self) -> int | None:
        text = self._headers.get("Content-Length", "")
        return int(text) if text.isdecimal() and len(text) < 20 else None

    def _start_line(self) -> RequestStartLine:
        parts = urlsplit(self._request.url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return RequestStartLine(self._request.method, path, "HTTP/1.1")

    def _request_headers(self) -> HTTPHeaders:
        return HTTPHeaders(
            {
                "Host": urlsplit(self._request.url).netloc,
                "User-Agent": f"rosetta-hub/{__version__}",
                "Accept-Encoding": "identity",
                "Connection": "close",
                **self._request.headers,
            }
        )

    async def _chunks(self) -> AsyncIterator[bytes]:
        size = 0
        while True:
            try:
                async with asyncio.timeout(self._timeouts.read):
                    chunk = await self._queue.get()
            except TimeoutError as error:
                message = "The server has stopped sending. Try again later."
                raise RequestFailed("silent", message) from error
            if chunk is None:
                break
            size += len(chunk)
            if size > self._limit:
                raise self._too_large()
            yield chunk
        expected = 0 if self._is_head else self._length
        if not self._is_complete or (expected is not None and size != expected):
            message = "The connection ended before the file was complete. Try again."
            raise RequestFailed("incomplete", message)

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

    def _too_large(self) -> RequestFailed:
        limit = self._limit >> 20
        message = f"The file is larger than {limit} MB, which is the limit."
        return RequestFailed("too_large", message)

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
