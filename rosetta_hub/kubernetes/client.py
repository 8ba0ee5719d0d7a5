"""Calls of a Kubernetes API server: JSON in, JSON out, whatever its version."""

import asyncio
import json
import re
import ssl
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse

from rosetta_hub.errors import ResourceUnavailable, RosettaError
from rosetta_hub.kubernetes.api_server import ApiServer

Document = dict[str, Any]

# Seconds.
CONNECT_TIMEOUT = 10
REQUEST_TIMEOUT = 30
# The server ends a watch by itself after this; the client gives it a little more.
WATCH_SECONDS = 60
WATCH_MARGIN = 15
MAX_ANSWER = 1 << 28
# Beside the watches, each of which has a client of its own.
AT_ONCE = 32
# Answers after which the same request may be tried again: the server did not act on it.
_BUSY = frozenset({429, 503})
# The reason of a refusal that does not come of the server: there is no kubectl on the way to it.
NO_KUBECTL = "NoKubectl"
# What kubectl answers in plain text where it could not log in, or reach the server.
_NOT_SENT = re.compile(r"getting credentials|connection refused|no such host|no route to host")
_UNREADABLE = "The Kubernetes API server's answer can't be read."


class ApiRefused(RosettaError):
    """The server said no. `reason` is its word for it, such as `AlreadyExists`, or empty."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message or reason or f"status {status}")
        self.status = status
        self.reason = reason


class NotReceived(ResourceUnavailable):
    """The server has not got the request, or has not acted on it: it may be sent again."""


class NotTrusted(NotReceived):
    """The server's certificate is of another authority, or for another name."""


class NotAccepted(NotReceived):
    """The server does not know the account, or not any more."""


class KubernetesClient:
    """One API server. `load` gives the address and account that count now."""

    def __init__(self, load: Callable[[], ApiServer]) -> None:
        self._load = load
        # By the socket that leads to the server, if any: it decides where a client connects to.
        self._clients: dict[str | None, AsyncHTTPClient] = {}

    def server(self) -> ApiServer:
        """Where the server is.

        Raises:
            ResourceUnavailable: the configuration can't be read now.
        """
        return self._load()

    async def call(
        self,
        method: str,
        path: str,
        body: Document | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Document:
        """The answer of one request, as JSON.

        Raises:
            ApiRefused: the server refuses.
            NotReceived, ResourceUnavailable: it has not answered.
        """
        answer = await self._fetch(method, path, body, query)
        try:
            document = json.loads(answer.body or b"{}")
        except ValueError as error:
            raise ResourceUnavailable(
                "The Kubernetes API server does not answer in JSON."
            ) from error
        if not isinstance(document, dict):
            raise ResourceUnavailable(_UNREADABLE)
        return document

    async def raw(self, path: str, query: Mapping[str, str]) -> bytes:
        """The answer of a GET as it is, such as a log.

        Raises:
            ApiRefused, ResourceUnavailable: see `call`.
        """
        answer = await self._fetch("GET", path, None, query)
        return bytes(answer.body or b"")

    async def watch(
        self, path: str, query: Mapping[str, str], on_event: Callable[[Document], None]
    ) -> None:
        """Hand over each event of a watch until the server ends it, after a minute at most.

        Raises:
            ApiRefused: it refuses; with status 410, the resource version is too old.
            ResourceUnavailable: it has not answered, or the connection was lost.
        """
        events = _Lines(on_event)
        options = {"watch": "1", "timeoutSeconds": str(WATCH_SECONDS)}
        server = self._load()
        request = _build_request(server, "GET", path, None, {**query, **options})
        request.streaming_callback = events.feed
        request.request_timeout = WATCH_SECONDS + WATCH_MARGIN
        client = AsyncHTTPClient(
            force_instance=True, max_body_size=MAX_ANSWER, resolver=server.resolver
        )
        try:
            answer = await _send(client, request)
        finally:
            client.close()
        check_answer(answer.code, events.rest)

    async def _fetch(
        self,
        method: str,
        path: str,
        body: Document | None,
        query: Mapping[str, str] | None,
    ) -> HTTPResponse:
        server = self._load()
        request = _build_request(server, method, path, body, query or {})
        answer = await _send(self._client(server), request)
        check_answer(answer.code, bytes(answer.body or b""))
        return answer

    def _client(self, server: ApiServer) -> AsyncHTTPClient:
        if server.socket not in self._clients:
            self._clients[server.socket] = AsyncHTTPClient(
                force_instance=True,
                max_clients=AT_ONCE,
                max_buffer_size=MAX_ANSWER,
                resolver=server.resolver,
            )
        return self._clients[server.socket]


def _build_request(
    server: ApiServer, method: str, path: str, body: Document | None, query: Mapping[str, str]
) -> HTTPRequest:
    headers = {**server.headers, "Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        context = server.context
    except (ssl.SSLError, ValueError) as error:
        raise NotReceived("The certificate for the Kubernetes API server can't be read.") from error
    return HTTPRequest(
        f"{server.url}{path}" + (f"?{urlencode(query)}" if query else ""),
        method=method,
        headers=headers,
        body=None if body is None else json.dumps(body),
        ssl_options=context,
        connect_timeout=CONNECT_TIMEOUT,
        request_timeout=REQUEST_TIMEOUT,
        # A redirect would carry the token elsewhere.
        follow_redirects=False,
        allow_nonstandard_methods=True,
    )


class _Lines:
    """Cuts a stream into its lines, each of which is a document."""

    def __init__(self, on_event: Callable[[Document], None]) -> None:
        self._on_event = on_event
        self.rest = b""

    def feed(self, data: bytes) -> None:
        """Take bytes as they come."""
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in filter(None, lines):
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if event.get("type") == "ERROR":
                # The stream ends after it; the status that counts is inside.
                self.rest = json.dumps(event.get("object", {})).encode()
                return
            self._on_event(event)


async def _send(client: AsyncHTTPClient, request: HTTPRequest) -> HTTPResponse:
    fetched = asyncio.ensure_future(client.fetch(request, raise_error=False))
    try:
        return await asyncio.shield(fetched)
    except asyncio.CancelledError:
        # Nobody waits any more for what the end of the connection brings.
        fetched.add_done_callback(_ignore)
        raise
    except ConnectionRefusedError as error:
        raise NotReceived(
            "The Kubernetes API server can't be reached: connection refused."
        ) from error
    except ssl.SSLCertVerificationError as error:
        raise NotTrusted(
            f"The certificate of the Kubernetes API server is not trusted: {error.verify_message}."
        ) from error
    except HTTPClientError as error:
        raise ResourceUnavailable("The Kubernetes API server did not answer in time.") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ResourceUnavailable(
            f"The Kubernetes API server can't be reached: {reason}."
        ) from error


def _ignore(fetched: asyncio.Future[HTTPResponse]) -> None:
    if not fetched.cancelled():
        fetched.exception()


def check_answer(code: int, body: bytes) -> None:
    """Raise what an answer of the server means, unless it is a success.

    Raises:
        ApiRefused: the server refuses.
        NotReceived, ResourceUnavailable: it can't act on the request now.
    """
    try:
        status = json.loads(body or b"{}")
    except ValueError:
        status = {}
    is_status = isinstance(status, dict) and status.get("kind") == "Status"
    if code < 400 and not (is_status and status.get("status") == "Failure"):
        return
    code = int(status.get("code") or code) if is_status else code
    message = str(status.get("message", "")) if is_status else body[:500].decode(errors="replace")
    if status.get("reason") == NO_KUBECTL:
        raise NotReceived(message)
    if not is_status and code >= 500 and _NOT_SENT.search(message):
        raise NotReceived(f"The Kubernetes API server can't be reached: {message.strip()}.")
    if code in _BUSY:
        raise NotReceived(f"The Kubernetes API server is busy: {message or code}")
    if code == 401:
        raise NotAccepted(
            "The Kubernetes API server does not accept the hub's account: its certificate or token"
            " may have expired. Tell the administrator."
        )
    if code >= 500:
        raise ResourceUnavailable(f"The Kubernetes API server failed: {message or code}")
    raise ApiRefused(code, str(status.get("reason", "")) if is_status else "", message)
