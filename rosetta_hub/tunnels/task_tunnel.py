"""One task's tunnel: its unix socket, and the connections that came through it."""

import asyncio
import logging
from pathlib import Path
from typing import Any

from rosetta_hub.ssh.errors import SshError
from rosetta_hub.tunnels.client import TunnelState
from rosetta_hub.tunnels.relay import Half, pair
from rosetta_hub.tunnels.routes import Tunnel
from rosetta_hub.tunnels.transport import TransportError, TunnelTransport

log = logging.getLogger(__name__)


class TaskTunnel:
    """Accepts the edge's connections, and has the transport make the other half of each."""

    def __init__(self, tunnel: Tunnel, transport: TunnelTransport, path: Path) -> None:
        self.tunnel = tunnel
        self.transport = transport
        self._path = path
        self._server: asyncio.Server | None = None
        self._halves: set[Half] = set()
        self._openings: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """Accept connections. The process has a umask of 177, and the folder is its own."""
        self._path.unlink(missing_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(
            lambda: _EdgeHalf(self), str(self._path), backlog=512
        )

    def close(self) -> None:
        """Cut all connections, and remove the socket."""
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)
        self.cut()
        self.transport.close()

    def replace(self, tunnel: Tunnel, transport: TunnelTransport) -> None:
        """Cut all connections; those that come from now on take another route."""
        self.cut()
        self.transport.close()
        self.tunnel, self.transport = tunnel, transport

    def cut(self) -> None:
        """Cut all connections."""
        for opening in self._openings:
            opening.cancel()
        for half in list(self._halves):
            half.abort()

    def state(self) -> TunnelState:
        """As the API shows it."""
        return self.transport.state()

    def accept(self, half: Half) -> None:
        """The edge has connected."""
        self._halves.add(half)
        # The transport of this moment: a later one has its own connections.
        opening = asyncio.create_task(self._open(half, self.transport))
        self._openings.add(opening)
        opening.add_done_callback(self._openings.discard)

    def forget(self, half: Half) -> None:
        """A connection of the edge's has ended."""
        self._halves.discard(half)

    async def _open(self, half: Half, transport: TunnelTransport) -> None:
        try:
            other = await transport.connect()
        except (SshError, TransportError) as error:
            log.info("task %s: %s", self.tunnel.id, error)
            half.close()
        except BaseException:
            half.abort()
            raise
        else:
            pair(half, other)


class _EdgeHalf(Half):
    """The edge's connection: nothing is read before the other half is there."""

    def __init__(self, tunnel: TaskTunnel) -> None:
        super().__init__(on_lost=tunnel.forget)
        self._tunnel = tunnel

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.pause_reading()
        self._tunnel.accept(self)
