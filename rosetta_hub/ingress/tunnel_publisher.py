"""Keeps the tunnels to remote tasks equal to what the database says."""

import logging
from collections.abc import Callable, Mapping

from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import DesiredState, Task
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.ingress.api_accounts import ApiAccounts
from rosetta_hub.ingress.publisher import Publisher
from rosetta_hub.resources.resource import Resource
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tunnels.client import TunnelsClient, TunnelsError, TunnelState, TunnelsUnavailable
from rosetta_hub.tunnels.process import TunnelsConfig, ensure_tunnels
from rosetta_hub.tunnels.routes import Tunnel

log = logging.getLogger(__name__)


class TunnelPublisher(Publisher[TunnelsClient]):
    """Opens and closes tunnels.

    `kubectls` describe the tunnels that lead to API servers of Kubernetes, by their ids: these are
    always open. Tunnels that log in at API servers by themselves get new `accounts` at once.
    """

    def __init__(
        self,
        tasks: TaskManager,
        resources: Mapping[str, Resource],
        settings: Rosetta,
        config: TunnelsConfig,
        kubectls: Mapping[str, Callable[[], Tunnel]],
        accounts: ApiAccounts,
    ) -> None:
        super().__init__(TunnelsClient(config.socket), tasks)
        self._resources = resources
        self._manages = settings.manage_edge
        self._config = config
        self._kubectls = kubectls
        self._accounts = accounts
        self._faults: dict[str, str] = {}

    async def states(self) -> Mapping[str, TunnelState]:
        """How the tunnel of each task is, by the task's id.

        Raises:
            Unavailable: the process does not answer.
        """
        return await self._client.states()

    async def sync(self) -> None:
        """See Publisher; keys and files that tunnels to API servers need count from then on."""
        if self._accounts.have_changed():
            self._informed = None
        await super().sync()
        for tunnel_id, describe in self._kubectls.items():
            try:
                await self._client.put_tunnel(describe())
            except (ResourceUnavailable, TunnelsError) as error:
                # Every few seconds until somebody mends it: told once.
                if self._faults.get(tunnel_id) != str(error):
                    log.warning("a tunnel to Kubernetes is kept as it is: %s", error)
                self._faults[tunnel_id] = str(error)
            else:
                self._faults.pop(tunnel_id, None)

    async def open(self, task: Task) -> None:
        """Open the task's tunnel, or bring it up to date, where it has one.

        Raises:
            ResourceUnavailable: it is not known how to get there.
            NotFound: the attempt is over.
        """
        resource = self._resources.get(task.computing)
        if resource is None or not resource.uses_tunnels:
            return
        # Before the lock is taken: it may take as long as the resource wants.
        await resource.locate(task)
        async with self._lock:
            tunnel = self._describe(self._read(task))
            if tunnel is None:
                return
            try:
                await self._client.put_tunnel(tunnel)
            except TunnelsUnavailable as error:
                self._miss(task, error)

    async def close(self, task: Task) -> None:
        """Close the task's tunnel, if it has one; later where the process does not answer.

        Nothing waits for it: the edge is closed before, and a tunnel keeps no port.
        """
        resource = self._resources.get(task.computing)
        if resource is not None and not resource.uses_tunnels:
            return
        async with self._lock:
            try:
                await self._client.delete_tunnel(task.id)
            except TunnelsUnavailable as error:
                self._miss(task, error)

    async def _find_instance(self) -> str:
        status = ensure_tunnels(self._config) if self._manages else self._client.status()
        return (await status).instance

    async def _push_all(self) -> dict[str, str]:
        # Those of API servers are opened one by one: see `sync`.
        tunnels, kept_ids = [], list(self._kubectls)
        for task in self._tasks.active():
            try:
                tunnel = self._describe(task)
            except ResourceUnavailable as error:
                # The reconciler asks the resource; until then, what is open stays open.
                log.info("%s: its tunnel is kept as it is: %s", task.id, error)
                kept_ids.append(task.id)
                self._tasks.wake(task.id)
            except Exception:
                log.exception("%s: its tunnel can't be described, and is kept as it is", task.id)
                kept_ids.append(task.id)
            else:
                if tunnel is not None:
                    tunnels.append(tunnel)
        return await self._client.put_tunnels(tunnels, kept_ids)

    def _describe(self, task: Task) -> Tunnel | None:
        resource = self._resources.get(task.computing)
        if resource is None or task.desired_state is DesiredState.STOP:
            return None
        return resource.tunnel(task)
