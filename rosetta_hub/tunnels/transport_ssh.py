"""Tunnels over SSH: streams over the one connection of an identity."""

import asyncio
from typing import cast

from rosetta_hub.errors import AuthenticationFailed, HostKeyProblem
from rosetta_hub.ssh.connection import SshConnection
from rosetta_hub.ssh.errors import SshError, SshRefused, Unreachable
from rosetta_hub.ssh.pool import Pool
from rosetta_hub.ssh.streams import StreamSession
from rosetta_hub.targets import Target, UnixTarget
from rosetta_hub.tunnels.client import TunnelState
from rosetta_hub.tunnels.relay import Half
from rosetta_hub.tunnels.routes import SshRoute
from rosetta_hub.tunnels.transport import CONNECT_TIMEOUT, TransportError, TunnelTransport, greet


class SshTransport(TunnelTransport):
    """Keeps the identity connected as long as the tunnel is open."""

    def __init__(self, pool: Pool, route: SshRoute) -> None:
        self._route = route
        self._identity = pool.identity(route.endpoint)
        self._identity.hold()
        self._refusal: str | None = None

    def close(self) -> None:
        """Let the connection end when nobody else needs it."""
        self._identity.release()

    async def connect(self, port: int | None = None) -> Half:
        """Raises SshError, TransportError."""
        deadline = asyncio.get_running_loop().time() + CONNECT_TIMEOUT
        while True:
            wait = deadline - asyncio.get_running_loop().time()
            connection = await self._identity.connection(wait)
            try:
                half = await self._open(connection, port)
            except Unreachable:
                # It was lost at this moment: the next one may do.
                if connection.is_open:
                    raise
            except (SshRefused, TransportError) as error:
                self._note(port, str(error))
                raise
            else:
                self._note(port, None)
                return half

    def _note(self, port: int | None, refusal: str | None) -> None:
        # A dashboard that is not there says nothing about the tunnel.
        if port is None:
            self._refusal = refusal

    async def _open(self, connection: SshConnection, port: int | None) -> Half:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                return await self._open_stream(connection, port)
        except TimeoutError as error:
            raise TransportError(
                "The task's port on the node is open, but nothing answers there: the task may have"
                " ended, and something else may have its port."
            ) from error

    async def _open_stream(self, connection: SshConnection, port: int | None) -> Half:
        target = self._find_target(port)
        if isinstance(target, UnixTarget):
            opened = await connection.open_unix(_make_session, target.path)
        else:
            opened = await connection.open_tcp(_make_session, target.host, target.port)
        half = cast(Half, opened)
        if self._route.secret is not None:
            await greet(half, self._route.secret, port)
        return half

    def _find_target(self, port: int | None) -> Target:
        if port is None or self._route.secret is not None:
            return self._route.target
        target = dict(self._route.targets).get(port)
        if target is None:
            raise TransportError(f"The port {port} of the task can't be reached yet.")
        return target

    def state(self) -> TunnelState:
        """As the connection is."""
        if self._identity.is_connected:
            return TunnelState("error" if self._refusal else "open", self._refusal)
        failure = self._identity.failure
        return TunnelState(_name_state(failure), str(failure) if failure else None)


def _make_session() -> StreamSession:
    return cast(StreamSession, Half())


def _name_state(failure: SshError | None) -> str:
    needs_somebody = isinstance(failure, AuthenticationFailed | HostKeyProblem)
    return "error" if needs_somebody else "waiting"
