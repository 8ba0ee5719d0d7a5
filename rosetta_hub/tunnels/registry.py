"""All tunnels of this process, as the service wants them."""

import asyncio
from collections.abc import Collection, Iterable
from pathlib import Path

from rosetta_hub.ssh.pool import Pool
from rosetta_hub.tunnels.client import TunnelState
from rosetta_hub.tunnels.routes import (
    KubectlRoute,
    KubernetesRoute,
    ReverseRoute,
    Route,
    SshRoute,
    Tunnel,
)
from rosetta_hub.tunnels.task_tunnel import TaskTunnel
from rosetta_hub.tunnels.transport import TunnelTransport
from rosetta_hub.tunnels.transport_direct import DirectTransport
from rosetta_hub.tunnels.transport_kubectl import KubectlTransport
from rosetta_hub.tunnels.transport_kubernetes import KubernetesTransport
from rosetta_hub.tunnels.transport_reverse import ReverseTransport
from rosetta_hub.tunnels.transport_ssh import SshTransport


class TunnelRegistry:
    """The open tunnels by the task's id.

    One change at a time, in the order of the calls: a tunnel that is closed while a full state is
    being applied stays closed.
    """

    def __init__(self, pool: Pool, sockets_dir: Path) -> None:
        self.pool = pool
        self._sockets_dir = sockets_dir
        self._tunnels: dict[str, TaskTunnel] = {}
        self._lock = asyncio.Lock()

    async def put_all(
        self, tunnels: Iterable[Tunnel], kept_ids: Collection[str] = ()
    ) -> dict[str, str]:
        """Have exactly these open, and those of the tasks in `kept_ids` as they are.

        Returns what went wrong, by the task's id, for each tunnel that could not be opened.
        """
        by_id = {tunnel.id: tunnel for tunnel in tunnels}
        async with self._lock:
            for task in self._tunnels.keys() - by_id.keys() - set(kept_ids):
                self._close(task)
            return await self._put_each(by_id.values())

    async def put_more(self, tunnels: Iterable[Tunnel]) -> dict[str, str]:
        """Open or update these; returns what `put_all` does."""
        async with self._lock:
            return await self._put_each(tunnels)

    async def put(self, tunnel: Tunnel) -> None:
        """Open or update one; an unchanged one is not touched. Raises OSError."""
        async with self._lock:
            await self._put(tunnel)

    async def delete(self, task: str) -> bool:
        """Close one; False when there is none."""
        async with self._lock:
            return self._close(task)

    async def _put_each(self, tunnels: Iterable[Tunnel]) -> dict[str, str]:
        errors = {}
        for tunnel in tunnels:
            try:
                await self._put(tunnel)
            except OSError as error:
                errors[tunnel.id] = str(error)
        return errors

    async def _put(self, tunnel: Tunnel) -> None:
        entry = self._tunnels.get(tunnel.id)
        if entry is None:
            await self._open(tunnel)
        elif entry.tunnel.interfaces != tunnel.interfaces:
            self._close(tunnel.id)
            await self._open(tunnel)
        elif entry.tunnel.attempt != tunnel.attempt or not tunnel.route.is_same(entry.tunnel.route):
            entry.replace(tunnel, self.make_transport(tunnel.route))
        elif isinstance(tunnel.route, SshRoute | KubectlRoute) and tunnel.route.endpoint:
            # The key, or what is pinned, may be new.
            self.pool.identity(tunnel.route.endpoint)
        elif isinstance(entry.transport, KubernetesTransport) and isinstance(
            tunnel.route, KubernetesRoute
        ):
            entry.transport.renew(tunnel.route.server)

    async def _open(self, tunnel: Tunnel) -> None:
        opened = TaskTunnel(tunnel, self.make_transport(tunnel.route), self._sockets_dir)
        try:
            await opened.listen()
        except OSError:
            opened.close()
            raise
        # Only now: one that does not listen would count as open for ever.
        self._tunnels[tunnel.id] = opened

    def _close(self, task: str) -> bool:
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
            self._close(task)
        await self.pool.close()

    def make_transport(self, route: Route) -> TunnelTransport:
        """What carries bytes over a route."""
        if isinstance(route, SshRoute):
            return SshTransport(self.pool, route)
        if isinstance(route, ReverseRoute):
            return ReverseTransport(route)
        if isinstance(route, KubernetesRoute):
            return KubernetesTransport(route)
        if isinstance(route, KubectlRoute):
            return KubectlTransport(self.pool, route)
        return DirectTransport(route)
