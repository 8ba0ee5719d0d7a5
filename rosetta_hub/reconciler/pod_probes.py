"""Which interfaces of tasks that are pods answer: asked beside the reports, which do not wait."""

import asyncio
from collections.abc import Callable

from rosetta_hub.background import spawn
from rosetta_hub.database.models import Task
from rosetta_hub.reconciler.readiness_probe import answers
from rosetta_hub.resources.kubernetes.namespace_queue import KubernetesQueue
from rosetta_hub.targets import Target

# A task, its attempt, and the port of a further interface.
Interface = tuple[str, int, int | None]

# Interfaces that are asked at a time. Each costs the API server a connection, and one that does not
# answer takes some seconds.
AT_ONCE = 64


class PodProbes:
    """One a Kubernetes resource. `on_answer` is called with the name of the pod that answers."""

    def __init__(self, queue: KubernetesQueue, on_answer: Callable[[str], None]) -> None:
        self._queue = queue
        self._on_answer = on_answer
        self._limit = asyncio.Semaphore(AT_ONCE)
        self._asked: set[Interface] = set()
        self._answered: set[Interface] = set()

    def forget_others(self, attempts: set[tuple[str, int]]) -> None:
        """Keep what is known of these attempts alone."""
        self._answered = {interface for interface in self._answered if interface[:2] in attempts}

    def has_answered(self, task: Task, port: int | None, protocol: str, path: str) -> bool:
        """Whether the interface has answered so far; where it has not, it is being asked now.

        Raises:
            ResourceUnavailable: nothing is known of the pods now.
        """
        interface = (task.id, task.attempt, port)
        if interface in self._answered:
            return True
        target = self._queue.probe_target(task, port)
        if target is not None and interface not in self._asked:
            self._asked.add(interface)
            name = self._queue.job_name(task)
            spawn(self._ask(interface, name, target, protocol, path), f"ask {name}")
        return False

    async def _ask(
        self, interface: Interface, name: str, target: Target, protocol: str, path: str
    ) -> None:
        try:
            async with self._limit:
                has_answered = await answers(target, protocol, path)
        finally:
            self._asked.discard(interface)
        if has_answered:
            self._answered.add(interface)
            self._on_answer(name)
