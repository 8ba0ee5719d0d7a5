"""Keeps the tunnels to remote tasks equal to what the database says."""

import logging
from collections.abc import Mapping

from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Target, Task
from rosetta_hub.errors import ResourceUnavailable, Unavailable
from rosetta_hub.resources.resource import Resource
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tunnels.client import TunnelsClient
from rosetta_hub.tunnels.process import TunnelsConfig, ensure_tunnels
from rosetta_hub.tunnels.routes import Tunnel

log = logging.getLogger(__name__)


class TunnelPublisher:
    """Opens and closes tunnels, and opens all of them again when their process is a new one.

    While that process does not answer, tasks go on; what was missed is in the next full push.
    """

    def __init__(
        self,
        tasks: TaskManager,
        resources: Mapping[str, Resource],
        settings: Rosetta,
        config: TunnelsConfig,
    ) -> None:
        self._tasks = tasks
        self._resources = resources
        self._manages = settings.manage_edge
        self._config = config
        self._client = TunnelsClient(config.socket)
        self._instance: str | None = None

    async def sync(self) -> None:
        """See that the process runs, with these settings; tell a new one everything.

        Raises:
            Unavailable: it does not answer.
        """
        status = await (ensure_tunnels(self._config) if self._manages else self._client.status())
        if status.instance == self._instance:
            return
        await self._client.put_tunnels(await self._all())
        self._instance = status.instance
        log.info("the tunnels process %s knows all tasks", status.instance)

    async def open(self, task: Task) -> None:
        """Open the task's tunnel, or bring it up to date, where it has one.

        Raises:
            ResourceUnavailable: it is not known how to get there.
        """
        tunnel = await self._tunnel(task)
        if tunnel is None:
            return
        try:
            await self._client.put_tunnel(tunnel)
        except Unavailable as error:
            log.warning("%s: its tunnel will be opened later: %s", task.id, error)

    async def close(self, task: Task) -> None:
        """Close the task's tunnel, if it has one.

        Raises:
            Unavailable: it is not known to be closed.
        """
        await self._client.delete_tunnel(task.id)

    async def _all(self) -> list[Tunnel]:
        found = []
        for task in self._tasks.active():
            try:
                tunnel = await self._tunnel(task)
            except ResourceUnavailable as error:
                log.warning("%s: its tunnel will be opened later: %s", task.id, error)
                continue
            if tunnel is not None:
                found.append(tunnel)
        return found

    async def _tunnel(self, task: Task) -> Tunnel | None:
        resource = self._resources.get(task.computing)
        if resource is None or task.target is Target.STOP:
            return None
        return await resource.tunnel(task)
