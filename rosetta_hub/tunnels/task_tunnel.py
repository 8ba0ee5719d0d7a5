"""One task's tunnel: its unix sockets, and the connections that came through them."""

import asyncio
import contextlib
import functools
import logging
from pathlib import Path
from typing import Any

from rosetta_hub.ssh.errors import SshError
from rosetta_hub.tunnels.client import TunnelState
from rosetta_hub.tunnels.process import build_socket_path
from rosetta_hub.tunnels.relay import Half, pair
from rosetta_hub.tunnels.routes import Tunnel
from rosetta_hub.tunnels.transport import TransportError, TunnelTransport

log = logging.getLogger(__name__)

# Seconds that who is refused an answer has to ask.
REFUSE_TIMEOUT = 10.0


class TaskTunnel:
    """Accepts the edge's connections, and has the transport make the other half of each.

    The sockets in `folder` are those of the main interface and of each further one.
    """

    def __init__(self, tunnel: Tunnel, transport: TunnelTransport, folder: Path) -> None:
        self.tunnel = tunnel
        self.transport = transport
        self._paths = {
            port: build_socket_path(folder, tunnel.id, port) for port in (None, *tunnel.interfaces)
        }
        self._servers: list[asyncio.Server] = []
        self._halves: set[Half] = set()
        self._openings: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """Accept connections. The process has a umask of 177, and the folder is its own."""
        loop = asyncio.get_running_loop()
        for port, path in self._paths.items():
            path.unlink(missing_ok=True)
            make_half = functools.partial(_EdgeHalf, self, port)
            server = await loop.create_unix_server(make_half, str(path), backlog=512)
            self._servers.append(server)

    def close(self) -> None:
        """Cut all connections, and remove the sockets."""
        for server in self._servers:
            server.close()
        self.cut()
        self.transport.close()
        for path in self._paths.values():
            path.unlink(missing_ok=True)

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

    def accept(self, half: Half, port: int | None) -> None:
        """The edge has connected, to the further interface on that port where there is one."""
        self._halves.add(half)
        # The transport of this moment: a later one has its own connections.
        opening = asyncio.create_task(self._open(half, self.transport, port))
        self._openings.add(opening)
        opening.add_done_callback(self._openings.discard)

    def forget(self, half: Half) -> None:
        """A connection of the edge's has ended."""
        self._halves.discard(half)

    async def _open(self, half: Half, transport: TunnelTransport, port: int | None) -> None:
        try:
            other = await transport.connect(port)
        except (SshError, TransportError) as error:
            log.info("task %s: %s", self.tunnel.id, error)
            await _refuse(half, transport.refusal(str(error)))
        except BaseException:
            half.abort()
            raise
        else:
            pair(half, other)


async def _refuse(half: Half, answer: bytes) -> None:
    if answer and half.stream is not None:
        # After the question: a connection that ends before would look like a lost one.
        half.stream.resume_reading()
        with contextlib.suppress(EOFError, TimeoutError):
            async with asyncio.timeout(REFUSE_TIMEOUT):
                await half.read_exactly(1)
        half.write(answer)
    half.close()


class _EdgeHalf(Half):
    """The edge's connection: nothing is read before the other half is there."""

    def __init__(self, tunnel: TaskTunnel, port: int | None) -> None:
        super().__init__(on_lost=tunnel.forget)
        self._tunnel = tunnel
        self._port = port

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.pause_reading()
        self._tunnel.accept(self, self._port)
