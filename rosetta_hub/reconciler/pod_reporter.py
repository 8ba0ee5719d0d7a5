"""Reports of tasks that are pods, in which no agent runs: made here, and taken like an agent's."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, Protocol

from rosetta_agent.protocol import FINAL_STATES
from rosetta_hub.agents.spec import software_of
from rosetta_hub.database.models import DesiredState, Task, TaskState
from rosetta_hub.errors import NotFound, ResourceUnavailable
from rosetta_hub.reconciler.pod_events import PodEvents
from rosetta_hub.reconciler.pod_logs import PodLogs
from rosetta_hub.reconciler.probe import answers
from rosetta_hub.resources.kubernetes.queue import KubernetesQueue
from rosetta_hub.resources.kubernetes.reports import (
    PodReport,
    build_report,
    needs_pull_secret,
    needs_secret,
)
from rosetta_hub.resources.kubernetes.sidecar import SIDECAR, has_sidecar
from rosetta_hub.resources.kubernetes.states import container_state, is_terminating
from rosetta_hub.resources.wms import JobRefused
from rosetta_hub.tasks.interfaces import further_ports, is_ready_port
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tasks.report import Report

log = logging.getLogger(__name__)

Document = dict[str, Any]

# Seconds between two rounds while a pod is starting, and between two probes of its interface.
STARTING_INTERVAL = 1.0
# Tasks that are looked at together: each may cost a request or two.
AT_ONCE = 8


class Watcher(Protocol):
    """See rosetta_hub.reconciler.job_watcher."""

    def hurry(self) -> None:
        """Look at the queue now: it costs no query here."""


class PodReporter:
    """One a Kubernetes resource: at each change of a pod, and as a heartbeat."""

    def __init__(
        self,
        computing: str,
        queue: KubernetesQueue,
        tasks: TaskManager,
        heartbeat: float,
        logs: PodLogs,
    ) -> None:
        self._computing = computing
        self._queue = queue
        self._tasks = tasks
        self._heartbeat = heartbeat
        self._changed = asyncio.Event()
        self._is_lost = False
        self._answered: set[tuple[str, int]] = set()
        self._running_since: dict[tuple[str, int, bool], float] = {}
        self._logs = logs
        self._events = PodEvents(queue)
        self.on_change: Callable[[], None] = _ignore
        queue.pods.on_change = self._note_change

    def _note_change(self) -> None:
        self._changed.set()
        self.on_change()

    async def run(self) -> None:
        """Report again and again."""
        while True:
            self._changed.clear()
            is_starting = False
            try:
                is_starting = await self.step()
            except ResourceUnavailable:
                # The watcher of the queue asks as well, and says so.
                pass
            except Exception:
                log.exception("%s: its pods could not be reported", self._computing)
            wait = STARTING_INTERVAL if is_starting else self._heartbeat
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), wait)

    async def step(self) -> bool:
        """One report of each task that has a pod; returns whether any is starting.

        Raises:
            ResourceUnavailable: nothing is known of the pods now.
        """
        pods = self._list_pods()
        tasks = {(task.id, task.attempt): task for task in self._tasks.active(self._computing)}
        self._answered &= tasks.keys()
        self._running_since = {
            key: since for key, since in self._running_since.items() if key[:2] in tasks
        }
        self._logs.forget_others(set(tasks))
        self._events.forget_others(set(tasks))
        limit = asyncio.Semaphore(AT_ONCE)

        async def look(pod: Document) -> bool:
            async with limit:
                return await self._look(pod, tasks)

        return any(await asyncio.gather(*map(look, pods.values())))

    def _list_pods(self) -> dict[str, Document]:
        """The pods by name; tasks without a pod are woken where the server was away before."""
        try:
            pods = dict(self._queue.pods.all())
        except ResourceUnavailable:
            self._is_lost = True
            raise
        if self._is_lost:
            self._is_lost = False
            for task in self._tasks.active(self._computing):
                if task.job_id is None:
                    self._tasks.wake(task.id)
        return pods

    async def _look(self, pod: Document, tasks: dict[tuple[str, int], Task]) -> bool:
        name = pod["metadata"]["name"]
        owner = self._queue.owner(pod)
        task = tasks.get(owner) if owner else None
        try:
            if task is None:
                await self._remove_orphan(pod, owner)
                return False
            if task.job_id != pod["metadata"]["uid"]:
                # Its submission has not ended yet.
                return True
            return await self._report(task, pod)
        except NotFound:
            pass
        except (ResourceUnavailable, JobRefused) as error:
            log.warning("%s: %s", name, error)
        except Exception:
            log.exception("%s could not be reported", name)
        return False

    async def _remove_orphan(self, pod: Document, owner: tuple[str, int] | None) -> None:
        """Delete a pod whose attempt is over; one that was just created may have no job id yet."""
        if owner is None or is_terminating(pod):
            return
        task = self._tasks.by_ids({owner[0]}).get(owner[0])
        if task is not None and task.computing != self._computing:
            return
        if task is None or task.state.final or task.attempt != owner[1]:
            await self._queue.remove(pod)

    async def _report(self, task: Task, pod: Document) -> bool:
        events = await self._events.read(task, pod)
        if needs_secret(pod, events):
            await self._queue.ensure_secret(task, pod)
        if needs_pull_secret(pod):
            await self._queue.ensure_pull_secret(task, pod)
        has_answered = await self._has_answered(task, pod)
        report = build_report(pod, events, has_answered, self._is_late(task, pod))
        if report is None:
            return False
        if task.desired_state is DesiredState.STOP and report.state in FINAL_STATES:
            # However its software takes that it was told to end.
            report = PodReport("stopped", digest=report.digest)
        if report.state in FINAL_STATES or is_terminating(pod):
            await self._logs.read(task, pod, only_begin=False)
        self._tasks.report(task, await self._complete(task, report))
        if report.state not in FINAL_STATES:
            # Last: nobody waits for the log to get inside.
            await self._logs.read(task, pod, only_begin=True)
        return report.state in ("pulling", "starting")

    async def _has_answered(self, task: Task, pod: Document) -> bool:
        key = (task.id, task.attempt)
        if key not in self._answered and "running" in container_state(pod):
            software = software_of(task)
            if task.state is TaskState.RUNNING or await self._answers(
                task, None, software.interface_protocol, software.interface_path
            ):
                self._answered.add(key)
        return key in self._answered

    def _is_late(self, task: Task, pod: Document) -> bool:
        """Whether its container has been seen running for as long as its interface may take.

        By the clock of this machine: that of a node may be wrong.
        """
        if "running" not in container_state(pod):
            return False
        now = asyncio.get_running_loop().time()
        # The container that dials may arrive later.
        is_complete = not has_sidecar(pod) or "running" in container_state(pod, SIDECAR)
        key = (task.id, task.attempt, is_complete)
        since = self._running_since.setdefault(key, now)
        return now - since > float(software_of(task).answer_timeout)

    async def _answers(self, task: Task, interface: int | None, protocol: str, path: str) -> bool:
        target = self._queue.probe_target(task, interface)
        return target is not None and await answers(target, protocol, path)

    async def _complete(self, task: Task, report: PodReport) -> Report:
        document: Document = {
            "sequence": task.sequence + 1,
            "state": report.state,
            "message": report.message,
            "reason": report.reason,
            "detail": report.detail,
            "exit_code": report.exit_code,
            "image_digests": [report.digest] if report.digest else [],
            "warnings": list(self._queue.warnings),
        }
        if report.state == "running":
            name = self._queue.job_name(task)
            document["usage"] = self._queue.usage.report(name, task.cpu_seconds)
            document["interface"] = {"kind": "forward", "port": None}
            document["interfaces"] = [
                {"port": port, "published": None, "ready": await self._is_ready(task, port)}
                for port in further_ports(task)
            ]
        return Report.model_validate(document)

    async def _is_ready(self, task: Task, port: int) -> bool:
        if is_ready_port(task, port):
            return True
        interface = next(one for one in software_of(task).interfaces if one.port == port)
        return await self._answers(task, port, interface.protocol, interface.path)


def _ignore() -> None:
    """Before anybody asks."""
