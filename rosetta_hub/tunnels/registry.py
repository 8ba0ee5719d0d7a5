"""All tunnels of this process, as the service wants them."""

from collections.abc import Iterable
from pathlib import Path

from rosetta_hub.ssh.pool import Pool
from rosetta_hub.tunnels.client import TunnelState
from rosetta_hub.tunnels.routes import ReverseRoute, Route, SshRoute, Tunnel
from rosetta_hub.tunnels.task_tunnel import TaskTunnel
from rosetta_hub.tunnels.transport import TunnelTransport
from rosetta_hub.tunnels.transport_direct import DirectTransport
from rosetta_hub.tunnels.transport_reverse import ReverseTransport
from rosetta_hub.tunnels.transport_ssh import SshTransport


class TunnelRegistry:
    """The open tunnels by the task's id."""

    def __init__(self, pool: Pool, sockets_dir: Path) -> None:
        self.pool = pool
        self._sockets_dir = sockets_dir
        self._tunnels: dict[str, TaskTunnel] = {}

    async def put_all(self, tunnels: Iterable[Tunnel]) -> None:
        """Have exactly these open. Raises OSError when a socket can't be made."""
        wanted = {tunnel.id: tunnel for tunnel in tunnels}
        for task in self._tunnels.keys() - wanted.keys():
            self.delete(task)
        for tunnel in wanted.values():
            await self.put(tunnel)

    async def put(self, tunnel: Tunnel) -> None:
        """Open or update one; an unchanged one is not touched. Raises OSError."""
        known = self._tunnels.get(tunnel.id)
        if known is None:
            opened = TaskTunnel(tunnel, self._make_transport(tunnel.route), self._path(tunnel.id))
            self._tunnels[tunnel.id] = opened
            await opened.listen()
            return
        is_same = known.tunnel.attempt == tunnel.attempt and tunnel.route.is_same(
            known.tunnel.route
        )
        if not is_same:
            known.replace(tunnel, self._make_transport(tunnel.route))
        elif isinstance(tunnel.route, SshRoute):
            # The key, or what is pinned, may be new.
            self.pool.identity(tunnel.route.endpoint)

    def delete(self, task: str) -> bool:
        """Close one; False when there is none."""
        tunnel = self._tunnels.pop(task, None)
        if tunnel is not None:
            tunnel.close()
        return tunnel is not None

    def get(self, task: str) -> TaskTunnel | None:
        """The tunnel of a task."""
        return self._tunnels.get(task)

    def states(self) -> dict[str, TunnelState]:
        """How each is."""
        return {task: tunnel.state() for task, tunnel in self._tunnels.items()}

    async def close(self) -> None:
        """Close all."""
        for task in list(self._tunnels):
            self.delete(task)
        await self.pool.close()

    def _path(self, task: str) -> Path:
        return self._sockets_dir / f"{task}.sock"

    def _make_transport(self, route: Route) -> TunnelTransport:
        if isinstance(route, SshRoute):
            return SshTransport(self.pool, route)
        if isinstance(route, ReverseRoute):
            return ReverseTransport(route)
        return DirectTransport(route)
