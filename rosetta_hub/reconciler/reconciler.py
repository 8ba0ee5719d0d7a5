"""Moves each task from the state it is in towards its target, one step at a time."""

import logging
from collections.abc import Mapping
from datetime import timedelta

from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import State, Target, Task, utc_now
from rosetta_hub.errors import NotFound, PortsExhausted
from rosetta_hub.reconciler.edge_sync import EdgeSync
from rosetta_hub.resources.resource import Resource
from rosetta_hub.resources.wms_none import AgentRefused
from rosetta_hub.tasks.manager import TaskManager

log = logging.getLogger(__name__)

# Reports that may be missing before an agent is looked after.
MISSED_BEATS = 3
# Seconds. The door of a task that has ended is closed, and its port free, a moment later.
PORT_WAIT = 0.5


class Reconciler:
    """Decides and does the next step of a task; every step may be repeated.

    A crash anywhere is mended by doing the step again: an agent that runs is left alone, a
    container is found again by its name, a door that is open stays open.
    """

    def __init__(
        self,
        tasks: TaskManager,
        resources: Mapping[str, Resource],
        edge: EdgeSync,
        settings: Rosetta,
    ) -> None:
        self._tasks = tasks
        self._resources = resources
        self._edge = edge
        self._patience = timedelta(seconds=MISSED_BEATS * settings.beat_interval)
        # Agents could not report while the service was down: they get time to do so.
        self._began = utc_now()

    async def reconcile(self, task_id: str) -> float | None:
        """Do one step; returns seconds until the next look, None when the task is at rest."""
        try:
            task = self._tasks.find(task_id)
            return await self._step(task)
        except NotFound:
            return None

    async def _step(self, task: Task) -> float | None:
        if task.state.final:
            return await self._close(task)
        resource = self._resources.get(task.computing)
        if resource is None:
            text = f"there is no computing resource {task.computing!r} any more."
            self._tasks.fail(task, "configuration", text)
            return None
        if task.target is Target.STOP:
            return await self._stop(task, resource)
        if task.state is State.QUEUED:
            return await self._launch(task, resource)
        return await self._watch(task, resource)

    async def _launch(self, task: Task, resource: Resource) -> float | None:
        try:
            await self._edge.open(task)
        except PortsExhausted:
            if self._tasks.has_port_to_free():
                return PORT_WAIT
            self._tasks.fail(task, "ports_exhausted")
            return None
        if await self._start_agent(task, resource):
            self._tasks.update(task, _launched)
            return self._patience.total_seconds()
        return None

    async def _watch(self, task: Task, resource: Resource) -> float | None:
        await self._edge.open(task)
        silent_since = max(self._began, task.last_beat or task.created)
        left = silent_since + self._patience - utc_now()
        if left > timedelta(0):
            return left.total_seconds()
        log.warning("%s: no report for %s, looking after its agent", task.id, self._patience)
        alive = await self._start_agent(task, resource)
        return self._patience.total_seconds() if alive else None

    async def _start_agent(self, task: Task, resource: Resource) -> bool:
        try:
            await resource.launch(task)
        except AgentRefused as error:
            self._tasks.fail(task, error.reason, str(error))
            return False
        return True

    async def _stop(self, task: Task, resource: Resource) -> float | None:
        # Nobody enters a task that ends; its page shows how it ends.
        await self._edge.open(task)
        await resource.stop(task)
        self._tasks.update(task, _stopped)
        return None

    async def _close(self, task: Task) -> float | None:
        await self._edge.close(task)
        if task.port is not None:
            self._tasks.update(task, _free_port)
        if task.forget:
            self._tasks.delete(task)
        return None


def _launched(task: Task) -> None:
    # The agent may have reported already.
    if task.state is State.QUEUED:
        task.state = State.STARTING


def _stopped(task: Task) -> None:
    if not task.state.final:
        task.state, task.ended = State.STOPPED, utc_now()


def _free_port(task: Task) -> None:
    task.port = None
