"""Moves each task from the state it is in towards its target, one step at a time."""

import logging
from collections.abc import Mapping
from datetime import timedelta

from rosetta_agent.protocol import NO_SPACE_REASONS
from rosetta_hub.config import Rosetta
from rosetta_hub.copies.staging import Staging
from rosetta_hub.database.models import DesiredState, Task, TaskState, utc_now
from rosetta_hub.errors import NotFound, ResourceUnavailable, StorageRefused
from rosetta_hub.ingress.ingress import Ingress
from rosetta_hub.reconciler.image_pins import ImagePins
from rosetta_hub.reconciler.job_steps import JobSteps
from rosetta_hub.resources.direct_launcher import AgentRefused
from rosetta_hub.resources.resource import Host, HostInstance, Queue
from rosetta_hub.tasks.conditions import Conditions
from rosetta_hub.tasks.manager import TaskManager

log = logging.getLogger(__name__)

# Missing reports until the reconciler checks whether the agent still runs.
HEARTBEATS_UNTIL_CHECK = 3


class Reconciler:
    """Decides and does the next step of a task; every step may be repeated.

    A crash anywhere is mended by doing the step again: an agent that runs is left alone, a
    container or a job is found again by its name, a listener that is open stays open.
    """

    def __init__(
        self,
        tasks: TaskManager,
        hosts: Mapping[str, Host],
        queues: Mapping[str, Queue],
        ingress: Ingress,
        jobs: JobSteps,
        conditions: Conditions,
        settings: Rosetta,
        staging: Staging,
        pins: ImagePins,
    ) -> None:
        self._tasks = tasks
        self._pins = pins
        self._staging = staging
        self._hosts = hosts
        self._queues = queues
        self._ingress = ingress
        self._jobs = jobs
        self._conditions = conditions
        self._patience = timedelta(seconds=HEARTBEATS_UNTIL_CHECK * settings.heartbeat_interval)
        # Agents could not report while the service was down: they get time to do so.
        self._began = utc_now()

    async def reconcile(self, task_id: str) -> float | None:
        """Do one step; returns seconds until the next look, None when the task is at rest.

        Raises:
            Unavailable: somebody did not answer; nothing is changed by that.
        """
        try:
            task = self._tasks.find(task_id)
            return await self._step(task)
        except NotFound:
            return None

    async def _step(self, task: Task) -> float | None:
        if task.state.final:
            return await self._close(task)
        try:
            delay = await self._step_on_resource(task)
        except ResourceUnavailable as error:
            if self._conditions.add(task, str(error)):
                self._tasks.changed(task)
            raise
        return delay

    async def _step_on_resource(self, task: Task) -> float | None:
        if _has_not_begun(task):
            if (wait := self._staging.wait_for_inputs(task)) is not None:
                return wait
            task = await self._pins.pin(task)
        if task.computing in self._queues:
            return await self._jobs.step(task, self._queues[task.computing])
        host = self._hosts.get(task.computing)
        if host is None:
            text = f"there is no computing resource {task.computing!r} any more."
            self._tasks.fail(task, "configuration", text)
            return None
        if task.desired_state is DesiredState.STOP:
            return await self._stop(task, host)
        if task.state is TaskState.QUEUED:
            return await self._launch(task, host)
        return await self._watch(task, host)

    async def _launch(self, task: Task, host: Host) -> float | None:
        wait = await self._ingress.open(task)
        if wait is not None:
            return wait
        instance = await host.instance(task)

        def begin(row: Task) -> None:
            row.submitting = utc_now()
            row.remote_user, row.boot_id = instance.remote_user, instance.boot_id

        is_repeated = task.submitting is not None
        task = self._tasks.update(task, begin)
        try:
            await host.launch(task)
        except (AgentRefused, StorageRefused) as error:
            if is_repeated:
                # The agent of an earlier try, whose answer was lost, may have started a container.
                await host.stop(task)
            self._tasks.fail(task, error.reason, str(error))
            return None
        self._tasks.update(task, _launched)
        self._answered(task)
        return self._patience.total_seconds()

    async def _watch(self, task: Task, host: Host) -> float | None:
        wait = await self._ingress.open(task)
        if wait is not None:
            return wait
        unresponsive_since = max(self._began, task.last_heartbeat or task.created)
        remaining = unresponsive_since + self._patience - utc_now()
        if remaining > timedelta(0):
            return remaining.total_seconds()
        log.warning("%s: no report for %s, looking after its agent", task.id, self._patience)
        return await self._look_after(task, host)

    async def _look_after(self, task: Task, host: Host) -> float | None:
        instance = await host.instance(task)
        if _has_restarted(task, instance):
            await host.stop(task)
            self._tasks.fail(task, "host_restarted")
            return None
        try:
            await host.launch(task)
        except (AgentRefused, StorageRefused) as error:
            await self._without_agent(task, host, error)
            return None
        self._answered(task)
        return self._patience.total_seconds()

    async def _without_agent(
        self, task: Task, host: Host, error: AgentRefused | StorageRefused
    ) -> None:
        """No agent can look after the container, which may run: it is kept or stopped.

        Space can be freed, so a container that only lacks an agent for want of it is kept, with
        its files. Any other refusal would be given again.
        """
        if error.reason in NO_SPACE_REASONS:
            raise ResourceUnavailable(str(error)) from error
        await host.stop(task)
        self._tasks.fail(task, error.reason, str(error))

    async def _stop(self, task: Task, host: Host) -> float | None:
        # Nobody enters a task that ends; its page shows how it ends.
        await self._ingress.close_to_users(task)
        # What was never begun needs no answer of its host, which may have none.
        if task.state is not TaskState.QUEUED or task.submitting is not None:
            await host.stop(task)
        self._tasks.stopped(task)
        return None

    async def _close(self, task: Task) -> float | None:
        await self._ingress.close(task)
        wait = self._staging.finish(task)
        if task.port is not None:
            self._tasks.update(task, _free_ports)
        if task.forget:
            self._tasks.delete(task)
            # Its outputs are stored all the same.
            return None
        return wait

    def _answered(self, task: Task) -> None:
        if self._conditions.clear(task):
            self._tasks.changed(task)


def _has_not_begun(task: Task) -> bool:
    """Whether the task is to run, and its resource does not know of it yet."""
    is_new = task.submitting is None and task.job_id is None
    return is_new and task.state is TaskState.QUEUED and task.desired_state is DesiredState.RUN


def _has_restarted(task: Task, instance: HostInstance) -> bool:
    return (
        task.boot_id is not None
        and instance.boot_id is not None
        and task.boot_id != instance.boot_id
    )


def _launched(task: Task) -> None:
    task.submitting = None
    # The agent may have reported already.
    if task.state is TaskState.QUEUED:
        task.state = TaskState.STARTING


def _free_ports(task: Task) -> None:
    task.port = None
    task.edge_ports = {}
