"""Tunnels through the API server of a Kubernetes cluster: a WebSocket for each connection."""

import asyncio
import contextlib
import ssl
from typing import cast

from tornado.httpclient import HTTPError, HTTPRequest
from tornado.websocket import WebSocketError, websocket_connect

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.kubernetes.client import ApiRefused, KubernetesClient
from rosetta_hub.kubernetes.server import ApiServer
from rosetta_hub.tunnels.client import TunnelState
from rosetta_hub.tunnels.relay import Half
from rosetta_hub.tunnels.routes import KubernetesRoute
from rosetta_hub.tunnels.transport import CONNECT_TIMEOUT, TransportError, TunnelTransport
from rosetta_hub.tunnels.websocket_stream import (
    MAX_MESSAGE,
    SUBPROTOCOL,
    PortForwardError,
    WebSocket,
    WebSocketStream,
)

# Seconds between pings: load balancers in front of API servers cut what is silent for a minute.
PING_SECONDS = 25
# Connections of one task at a time; one more is refused, and does not wait.
MOST_CONNECTIONS = 200


class KubernetesTransport(TunnelTransport):
    """Forwards to the ports of one pod, whose uid is compared before."""

    def __init__(self, route: KubernetesRoute) -> None:
        self._route = route
        self._server = route.server
        self._client = KubernetesClient(lambda: self._server)
        self._count = 0
        self._failure: str | None = None

    def renew(self, server: ApiServer) -> None:
        """Use this account from the next connection on: tokens and certificates expire."""
        self._server = server

    async def connect(self, port: int | None = None) -> Half:
        """Raises TransportError."""
        if self._count >= MOST_CONNECTIONS:
            raise TransportError("The task has too many connections. Close some of them.")
        self._count += 1
        half = Half(on_lost=self._lost)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._check_uid()
                await self._open(half, self._route.port if port is None else port)
        except (TransportError, PortForwardError, ApiRefused, ResourceUnavailable) as error:
            self._lost(half)
            raise self._fail(port, str(error)) from error
        except (OSError, ssl.SSLError, HTTPError, WebSocketError, TimeoutError) as error:
            self._lost(half)
            text = "did not answer in time" if isinstance(error, TimeoutError) else str(error)
            raise self._fail(port, f"The Kubernetes API server: {text}.") from error
        except BaseException:
            self._lost(half)
            raise
        if port is None:
            self._failure = None
        return half

    def _lost(self, half: Half) -> None:
        self._count -= 1

    def _fail(self, port: int | None, text: str) -> TransportError:
        # A dashboard that is not there says nothing about the tunnel.
        if port is None:
            self._failure = text
        return TransportError(text)

    @property
    def _path(self) -> str:
        return f"/api/v1/namespaces/{self._route.namespace}/pods/{self._route.pod}"

    async def _check_uid(self) -> None:
        pod = await self._client.call("GET", self._path)
        if pod["metadata"]["uid"] != self._route.uid:
            raise TransportError("The task's pod is gone, and another one has its name.")

    async def _open(self, half: Half, port: int) -> None:
        # ws:// for http://, wss:// for https://.
        url = self._server.url.replace("http", "ws", 1)
        request = HTTPRequest(
            f"{url}{self._path}/portforward?ports={port}",
            headers=self._server.headers,
            ssl_options=self._server.context,
            connect_timeout=CONNECT_TIMEOUT,
            follow_redirects=False,
        )
        socket = await websocket_connect(
            request,
            ping_interval=PING_SECONDS,
            max_message_size=MAX_MESSAGE,
            subprotocols=[SUBPROTOCOL],
            resolver=self._server.resolver,
        )
        stream = WebSocketStream(cast(WebSocket, socket), half)
        try:
            await stream.open(port)
        except BaseException:
            with contextlib.suppress(OSError):
                socket.close()
            raise

    def state(self) -> TunnelState:
        """As the last connection was."""
        return TunnelState("waiting" if self._failure else "open", self._failure)

    def close(self) -> None:
        """Nothing is kept open."""
