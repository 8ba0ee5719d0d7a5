"""Tunnels through the API server of a Kubernetes cluster: a connection to it for each connection.

SPDY, as `kubectl port-forward` speaks it, costs the servers less and can end one direction alone;
WebSockets pass more of the proxies that stand in front of API servers, and are taken where SPDY
does not pass.
"""

import asyncio
import functools
import logging
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.kubernetes.api_server import ApiServer
from rosetta_hub.kubernetes.client import ApiRefused, KubernetesClient, check_answer
from rosetta_hub.tunnels.client import TunnelState
from rosetta_hub.tunnels.forwarded_stream import ForwardedStream, PortForwardError
from rosetta_hub.tunnels.relay import Half
from rosetta_hub.tunnels.routes import KubernetesRoute
from rosetta_hub.tunnels.spdy_stream import SpdyStream, build_upgrade
from rosetta_hub.tunnels.transport import CONNECT_TIMEOUT, TransportError, TunnelTransport
from rosetta_hub.tunnels.upgrade import ProtocolError, Refused
from rosetta_hub.tunnels.websocket_frames import Handshake
from rosetta_hub.tunnels.websocket_stream import SUBPROTOCOL, WebSocketStream

log = logging.getLogger(__name__)

# Connections of one task at a time; one more is refused, and does not wait.
MOST_CONNECTIONS = 200
HTTPS_PORT = 443
# Seconds for which one look at the pod's uid counts: a page opens several connections at once. The
# service, which watches the pod, closes the tunnel of one that is gone within this time.
UID_SECONDS = 5.0
# What API servers answer, whatever the protocol. Any other refusal may be that of a proxy which
# does not pass SPDY.
_SERVERS_OWN = frozenset({401, 403, 404, 409, 429, 500, 503})


class KubernetesTransport(TunnelTransport):
    """Forwards to the ports of one pod, whose uid is compared before."""

    def __init__(self, route: KubernetesRoute) -> None:
        self._route = route
        self._server = route.server
        self._client = KubernetesClient(lambda: self._server)
        self._halves: set[Half] = set()
        self._failure: str | None = None
        self._needs_websocket = False
        self._checking = asyncio.Lock()
        self._checked_until = 0.0

    def renew(self, server: ApiServer) -> None:
        """Use this account from the next connection on: tokens and certificates expire."""
        self._server = server
        self._checked_until = 0.0

    async def connect(self, port: int | None = None) -> Half:
        """Raises TransportError."""
        if len(self._halves) >= MOST_CONNECTIONS:
            raise TransportError("The task has too many connections. Close some of them.")
        half = _PodHalf(self._halves.discard, functools.partial(self._fail, port))
        self._halves.add(half)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._check_uid()
                await self._open(half, self._route.port if port is None else port)
        except (TransportError, PortForwardError, ApiRefused, ResourceUnavailable) as error:
            self._halves.discard(half)
            raise self._fail(port, str(error)) from error
        except (OSError, ssl.SSLError, ProtocolError, TimeoutError) as error:
            self._halves.discard(half)
            text = "did not answer in time" if isinstance(error, TimeoutError) else str(error)
            raise self._fail(port, f"The Kubernetes API server: {text}.") from error
        except BaseException:
            self._halves.discard(half)
            raise
        if port is None:
            self._failure = None
        return half

    def _fail(self, port: int | None, text: str) -> TransportError:
        # A dashboard that is not there says nothing about the tunnel.
        if port is None:
            self._failure = text
        return TransportError(text)

    @property
    def _path(self) -> str:
        return f"/api/v1/namespaces/{self._route.namespace}/pods/{self._route.pod}"

    async def _check_uid(self) -> None:
        now = asyncio.get_running_loop().time
        async with self._checking:
            if now() < self._checked_until:
                return
            pod = await self._client.call("GET", self._path)
            if pod["metadata"]["uid"] != self._route.uid:
                raise TransportError("The task's pod is gone, and another one has its name.")
            self._checked_until = now() + UID_SECONDS

    async def _open(self, half: Half, port: int) -> None:
        try:
            if not self._needs_websocket:
                await self._connect(self._build_spdy(half, port))
                return
        except ProtocolError as error:
            log.info("task %s: no SPDY: %s", self._route.pod, error)
        except Refused as error:
            if error.status in _SERVERS_OWN:
                raise _explain(error) from error
            log.info("task %s: no SPDY: %s", self._route.pod, error)
        try:
            await self._connect(self._build_websocket(half, port))
        except Refused as error:
            raise _explain(error) from error
        self._needs_websocket = True

    def _build_spdy(self, half: Half, port: int) -> ForwardedStream:
        url = urlsplit(self._server.url)
        path = f"{url.path}{self._path}/portforward"
        return SpdyStream(build_upgrade(path, url.netloc, self._server.headers), port, half)

    def _build_websocket(self, half: Half, port: int) -> ForwardedStream:
        url = urlsplit(self._server.url)
        path = f"{url.path}{self._path}/portforward?ports={port}"
        handshake = Handshake(path, url.netloc, SUBPROTOCOL, self._server.headers)
        return WebSocketStream(handshake, port, half)

    async def _connect(self, stream: ForwardedStream) -> None:
        server, loop = self._server, asyncio.get_running_loop()
        if server.socket is not None:
            await loop.create_unix_connection(lambda: stream, server.socket)
        else:
            url = urlsplit(server.url)
            number, host = url.port or HTTPS_PORT, url.hostname or ""
            await loop.create_connection(lambda: stream, host, number, ssl=server.context)
        try:
            await stream.wait_open()
        except BaseException:
            stream.abort()
            raise

    def state(self) -> TunnelState:
        """As the last connection was."""
        return TunnelState("waiting" if self._failure else "open", self._failure)

    def close(self) -> None:
        """Nothing is kept open."""


class _PodHalf(Half):
    """A connection to the pod: the node tells after its opening that nothing listens there."""

    def __init__(
        self, on_lost: Callable[[Half], None], on_failure: Callable[[str], TransportError]
    ) -> None:
        super().__init__(on_lost)
        self._on_failure = on_failure

    def connection_lost(self, exc: Exception | None) -> None:
        if isinstance(exc, PortForwardError):
            self._on_failure(str(exc))
        super().connection_lost(exc)


def _explain(refused: Refused) -> TransportError:
    """What a refusal means. Raises what `check_answer` raises."""
    check_answer(refused.status, refused.body)
    return TransportError(f"The Kubernetes API server: {refused}.")
