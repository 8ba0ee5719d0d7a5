"""What users go through to a task: the edge and, where the task is remote, a tunnel."""

from rosetta_hub.database.models import Task
from rosetta_hub.errors import PortsExhausted
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.ingress.tunnel_publisher import TunnelPublisher
from rosetta_hub.tasks.manager import TaskManager

# Seconds. A task that has ended is closed, and its port free, a moment later.
PORT_WAIT = 0.5


class Ingress:
    """Opens and closes both, in the right order; `tunnels` is None where nothing is remote."""

    def __init__(
        self, tasks: TaskManager, edge: EdgePublisher, tunnels: TunnelPublisher | None
    ) -> None:
        self._tasks = tasks
        self._edge = edge
        self._tunnels = tunnels

    async def open(self, task: Task) -> float | None:
        """Open both, or bring them up to date.

        Returns None when they are; seconds to wait where a port is about to be free. A task that
        gets no port fails.

        Raises:
            ResourceUnavailable: it is not known how to get to the task.
            NotFound: the attempt is over.
        """
        if self._tunnels is not None:
            await self._tunnels.open(task)
        try:
            await self._edge.open(task)
        except PortsExhausted:
            if self._tasks.has_port_to_free():
                return PORT_WAIT
            self._tasks.fail(task, "ports_exhausted")
            return PORT_WAIT
        return None

    async def close_to_users(self, task: Task) -> None:
        """Let nobody in any more; a browser is shown how the task ends."""
        await self._edge.open(task)

    async def close(self, task: Task) -> None:
        """Close both; the tunnel later where its process does not answer.

        Raises:
            EdgeUnavailable: the task is not known to be closed.
        """
        await self._edge.close(task)
        if self._tunnels is not None:
            await self._tunnels.close(task)
