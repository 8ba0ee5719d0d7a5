"""A computing resource as the reconciler uses it."""

import os
from pathlib import PurePosixPath
from typing import Protocol

from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task
from rosetta_hub.edge.client import Target, TcpTarget, UnixTarget
from rosetta_hub.keys import Keys
from rosetta_hub.resources.access_local import LocalAccess
from rosetta_hub.resources.wms_none import NoWms
from rosetta_hub.tasks.job import build_job


class Resource(Protocol):
    """What a combination of access, WMS and engine offers.

    Every call may be repeated. `ResourceUnavailable` means that nothing is known.
    """

    async def launch(self, task: Task) -> None:
        """See that the agent of the task's present attempt runs (or waits in a queue)."""

    async def stop(self, task: Task) -> None:
        """End the attempt; returns when nothing of it is left on the resource."""

    def interface_target(self, task: Task) -> Target | None:
        """Where the edge reaches the interface, None while it does not answer."""


class LocalResource:
    """This machine, without a workload manager."""

    def __init__(self, computing: Computing, settings: Rosetta, keys: Keys) -> None:
        self._computing = computing
        self._settings = settings
        self._keys = keys
        self._wms = NoWms(LocalAccess())

    async def launch(self, task: Task) -> None:
        """Start the agent, or see that it runs."""
        await self._wms.submit(build_job(task, self._computing, self._settings, self._keys))

    async def stop(self, task: Task) -> None:
        """Stop agent and container."""
        await self._wms.cancel(
            {
                "version": 1,
                "task": task.id,
                "attempt": task.attempt,
                "work_dir": self._computing.work_dir(os.getuid()),
                "engine": task.engine,
                "engine_options": list(self._computing.conf.engine_options.get(task.engine, ())),
                "stop": self._settings.stop_timeout,
            }
        )

    def interface_target(self, task: Task) -> Target | None:
        """The socket in the sandbox, or a port of the loopback address."""
        if task.interface_kind == "socket":
            sandbox = (
                PurePosixPath(self._computing.work_dir(os.getuid())) / f"{task.id}-{task.attempt}"
            )
            return UnixTarget(str(sandbox / "interface.sock"))
        if task.interface_port is not None:
            return TcpTarget("127.0.0.1", task.interface_port)
        return None


def build_resources(settings: Rosetta, keys: Keys) -> dict[str, Resource]:
    """The configured resources by id."""
    return {
        name: LocalResource(computing, settings, keys)
        for name, computing in settings.catalogue().computing.items()
    }
