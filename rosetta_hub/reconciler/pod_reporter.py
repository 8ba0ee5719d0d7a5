"""Reports of tasks that are pods, in which no agent runs: made here, and taken like an agent's."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from typing import Any

from rosetta_agent.protocol import FINAL_STATES
from rosetta_hub.agents.spec import software_of
from rosetta_hub.background import spawn
from rosetta_hub.database.models import DesiredState, Task, TaskState
from rosetta_hub.errors import NotFound, ResourceUnavailable
from rosetta_hub.reconciler.pod_events import PodEvents
from rosetta_hub.reconciler.pod_heartbeats import PodHeartbeats
from rosetta_hub.reconciler.pod_logs import PodLogs
from rosetta_hub.reconciler.pod_probes import PodProbes
from rosetta_hub.reconciler.pod_rounds import PodRounds
from rosetta_hub.resources.kubernetes.namespace_queue import KubernetesQueue
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

Key = tuple[str, int]

# Seconds between two looks at a pod that is starting. An interface is asked after a quarter of the
# time for which its container has been running: most answer soon, some take minutes.
STARTING_INTERVAL = 1.0
FIRST_INTERVAL = 0.1
_PART = 0.25
# Heartbeats between two looks at a pod that runs and answers. The watch tells its changes, and all
# are looked at when the metrics API has told what they use.
RUNNING_HEARTBEATS = 12
# Tasks that are looked at together: each may cost a request or two.
AT_ONCE = 8


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
        # The pods as they were last listed, and when `run` goes on by itself.
        self._listed: dict[str, Document] = {}
        self._due = 0.0
        self._running_since: dict[tuple[str, int, bool], float] = {}
        self._logs = logs
        self._events = PodEvents(queue)
        self._heartbeats = PodHeartbeats(tasks, heartbeat)
        self._rounds = PodRounds()
        self._probes = PodProbes(queue, self._hasten)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.on_change: Callable[[], None] = _ignore
        queue.pods.on_change = self._note_change
        queue.usage.on_refresh = self._note_usage

    def _note_change(self) -> None:
        self._changed.set()
        self.on_change()

    def _note_usage(self) -> None:
        self._rounds.hasten_all()
        self._changed.set()

    def _hasten(self, name: str) -> None:
        self._rounds.hasten(name)
        self._changed.set()

    async def run(self) -> None:
        """Report again and again."""
        while True:
            self._changed.clear()
            self._due = _now() + self._heartbeat
            try:
                self.begin_looks()
                self._heartbeats.send(_now())
                self._due = self._rounds.next(self._due)
            except ResourceUnavailable:
                # The watcher of the queue asks as well, and says so.
                pass
            except Exception:
                log.exception("%s: its pods could not be reported", self._computing)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self._due - _now())

    def begin_looks(self) -> list[asyncio.Task[None]]:
        """Begin to look at each pod that has changed, or that is due, and to report its task.

        `run` does not wait for what is returned: a node that does not answer holds up no other.

        Raises:
            ResourceUnavailable: nothing is known of the pods now.
        """
        pods = self._listed = self._list_pods()
        due = self._rounds.take(pods, _now())
        tasks = self._find_tasks(due)
        self._forget_others({key for pod in pods.values() if (key := self._queue.owner(pod))})
        return [
            spawn(self._look_in_turn(pod, tasks), f"look at {pod['metadata']['name']}")
            for pod in due
        ]

    async def _look_in_turn(self, pod: Document, tasks: dict[Key, Task]) -> None:
        pause = 0.0
        try:
            async with self._slots:
                pause = await self._look(pod, tasks)
        finally:
            due = self._rounds.note(pod, _now() + pause)
            has_changed = self._listed.get(pod["metadata"]["name"]) is not pod
            # Else a thousand pods that run would be listed for each of them that was looked at.
            if has_changed or due < self._due:
                self._changed.set()

    def _find_tasks(self, pods: Iterable[Document]) -> dict[Key, Task]:
        """The tasks whose present attempts these pods are, unless they are over."""
        owners = {owner for pod in pods if (owner := self._queue.owner(pod))}
        tasks = self._tasks.by_ids({task_id for task_id, _ in owners}).values()
        return {
            (task.id, task.attempt): task
            for task in tasks
            if task.computing == self._computing and not task.state.final
        }

    def _forget_others(self, attempts: set[Key]) -> None:
        self._probes.forget_others(attempts)
        self._heartbeats.forget_others(attempts)
        self._running_since = {
            key: since for key, since in self._running_since.items() if key[:2] in attempts
        }
        self._logs.forget_others(attempts)
        self._events.forget_others(attempts)

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

    async def _look(self, pod: Document, tasks: dict[Key, Task]) -> float:
        """Returns in how many seconds to look again."""
        name = pod["metadata"]["name"]
        owner = self._queue.owner(pod)
        task = tasks.get(owner) if owner else None
        try:
            if task is None:
                await self._remove_orphan(pod, owner)
            elif task.job_id != pod["metadata"]["uid"]:
                # Its submission has not ended yet.
                return FIRST_INTERVAL
            else:
                return await self._report(task, pod)
        except NotFound:
            pass
        except (ResourceUnavailable, JobRefused) as error:
            log.warning("%s: %s", name, error)
        except Exception:
            log.exception("%s could not be reported", name)
        if task is not None:
            # What it should have said is news at the next look.
            self._heartbeats.forget(task)
        return self._heartbeat

    async def _remove_orphan(self, pod: Document, owner: Key | None) -> None:
        """Delete a pod whose attempt is over; one that was just created may have no job id yet."""
        if owner is None or is_terminating(pod):
            return
        task = self._tasks.by_ids({owner[0]}).get(owner[0])
        if task is not None and task.computing != self._computing:
            return
        if task is None or task.state.final or task.attempt != owner[1]:
            await self._queue.remove(pod)

    async def _report(self, task: Task, pod: Document) -> float:
        events = await self._events.read(task, pod)
        if needs_secret(pod, events):
            await self._queue.submission.ensure_secret(task, pod)
        if needs_pull_secret(pod):
            await self._queue.submission.ensure_pull_secret(task, pod)
        has_answered = self._has_answered(task, pod)
        report = build_report(pod, events, has_answered, self._is_late(task, pod))
        if report is None:
            self._heartbeats.forget(task)
            return self._heartbeat
        if task.desired_state is DesiredState.STOP and report.state in FINAL_STATES:
            # However its software takes that it was told to end.
            report = PodReport("stopped", digest=report.digest)
        elif report.reason == "cancelled" and await self._queue.is_deleted():
            # Without the rights that went with it, nothing of the pod can be read any more.
            self._tasks.fail(task, "namespace_deleted", pod["metadata"]["namespace"])
            return 0.0
        if report.state in FINAL_STATES or is_terminating(pod):
            await self._logs.read(task, pod, only_begin=False)
        document = self._complete(task, report)
        if self._heartbeats.is_news(task, document):
            numbered = {**document, "sequence": task.sequence + 1}
            self._tasks.report(task, Report.model_validate(numbered))
        if report.state not in FINAL_STATES:
            # Last: nobody waits for the log to get inside.
            await self._logs.read(task, pod, only_begin=True)
        is_complete = all(interface["ready"] for interface in document.get("interfaces", []))
        return self._pause(task, pod, report, is_complete)

    def _pause(self, task: Task, pod: Document, report: PodReport, is_complete: bool) -> float:
        if report.state == "running":
            return self._heartbeat * (RUNNING_HEARTBEATS if is_complete else 1)
        if report.state in FINAL_STATES:
            # The pod of a task that is over is removed by the next look.
            return 0.0
        if report.state not in ("pulling", "starting"):
            return self._heartbeat
        if "running" not in container_state(pod):
            return STARTING_INTERVAL
        since = self._running_since.get((task.id, task.attempt, self._is_complete(pod)), _now())
        return min(max((_now() - since) * _PART, FIRST_INTERVAL), STARTING_INTERVAL)

    def _has_answered(self, task: Task, pod: Document) -> bool:
        if "running" not in container_state(pod):
            return False
        software = software_of(task)
        return task.state is TaskState.RUNNING or self._probes.has_answered(
            task, None, software.interface_protocol, software.interface_path
        )

    def _is_late(self, task: Task, pod: Document) -> bool:
        """Whether its container has been seen running for as long as its interface may take.

        By the clock of this machine: that of a node may be wrong.
        """
        if "running" not in container_state(pod):
            return False
        key = (task.id, task.attempt, self._is_complete(pod))
        since = self._running_since.setdefault(key, _now())
        return _now() - since > float(software_of(task).answer_timeout)

    def _is_complete(self, pod: Document) -> bool:
        """Whether nothing is missing for an answer: the container that dials may arrive later."""
        return not has_sidecar(pod) or "running" in container_state(pod, SIDECAR)

    def _complete(self, task: Task, report: PodReport) -> Document:
        """All of a report but its sequence."""
        document: Document = {
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
                {"port": port, "published": None, "ready": self._is_ready(task, port)}
                for port in further_ports(task)
            ]
        return document

    def _is_ready(self, task: Task, port: int) -> bool:
        if is_ready_port(task, port):
            return True
        interface = next(
            candidate for candidate in software_of(task).interfaces if candidate.port == port
        )
        return self._probes.has_answered(task, port, interface.protocol, interface.path)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _ignore() -> None:
    """Before anybody asks."""
