"""Connections to a `kubectl proxy`, which leads to an API server as whom its kubeconfig says."""

import asyncio
import json
from typing import cast

from rosetta_hub.kubernetes.client import NO_KUBECTL
from rosetta_hub.ssh.errors import SshError, SshRefused
from rosetta_hub.ssh.pool import Pool
from rosetta_hub.ssh.streams import StreamSession
from rosetta_hub.tunnels.client import TunnelState
from rosetta_hub.tunnels.kubectl_program import KubectlProgram
from rosetta_hub.tunnels.relay import Half
from rosetta_hub.tunnels.routes import KubectlRoute
from rosetta_hub.tunnels.transport import CONNECT_TIMEOUT, TransportError, TunnelTransport

# Seconds in which a kubectl that nobody reaches any more is seen to end.
END_TIMEOUT = 1.0
_FORWARDING = (
    " The sshd there has to permit forwarding to unix sockets (AllowStreamLocalForwarding)."
)


class KubectlTransport(TunnelTransport):
    """Keeps kubectl running from the first connection on; one that has ended is started again."""

    def __init__(self, pool: Pool, route: KubectlRoute) -> None:
        self._pool = pool
        self._endpoint = route.endpoint
        self._program = KubectlProgram(pool, route)

    async def connect(self, port: int | None = None) -> Half:
        """Raises SshError, TransportError."""
        try:
            return await self._open(await self._program.socket())
        except (OSError, SshError) as error:
            if not await self._program.has_ended(END_TIMEOUT):
                hint = _FORWARDING if isinstance(error, SshRefused) else ""
                raise TransportError(f"kubectl can't be reached: {error}{hint}") from error
        try:
            return await self._open(await self._program.socket())
        except OSError as error:
            raise TransportError(f"kubectl can't be reached: {error}") from error

    async def _open(self, path: str) -> Half:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            if self._endpoint is None:
                loop = asyncio.get_running_loop()
                return (await loop.create_unix_connection(Half, path))[1]
            identity = self._pool.identity(self._endpoint)
            connection = await identity.connection(CONNECT_TIMEOUT)
            return cast(Half, await connection.open_unix(_make_session, path))

    def refusal(self, message: str) -> bytes:
        """As an API server refuses: the client of Kubernetes tells the user the message."""
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": 503,
            "reason": NO_KUBECTL,
            "message": message,
        }
        body = json.dumps(status).encode()
        head = (
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + body

    def state(self) -> TunnelState:
        """As kubectl is; with what it has printed last."""
        if self._program.failure is not None:
            return TunnelState("waiting", self._program.failure)
        return TunnelState("open", self._program.words or None)

    def close(self) -> None:
        """End kubectl."""
        self._program.close()


def _make_session() -> StreamSession:
    return cast(StreamSession, Half())
