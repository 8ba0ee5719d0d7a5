"""Keeps a sidecar process equal to the database: change by change, and in full when it is new."""

import asyncio
import logging
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from rosetta_hub.database.models import Task
from rosetta_hub.errors import NotFound, Unavailable
from rosetta_hub.sidecar_client import SidecarApi
from rosetta_hub.tasks.manager import TaskManager

log = logging.getLogger(__name__)

Client = TypeVar("Client", bound=SidecarApi)


class Publisher(ABC, Generic[Client]):
    """The base of what tells one sidecar process which tasks are open.

    All changes are made under one lock, and what is sent is read from the database under it: a
    full state is never older than the changes before it, so it neither opens again what was
    closed, nor cuts what was opened. Nothing under the lock waits for a computing resource. Each
    process has a lock of its own, so that one that does not answer delays nothing of the other.

    While the process does not answer, tasks go on; what it missed is in the next full state.
    """

    def __init__(self, client: Client, tasks: TaskManager) -> None:
        self._client = client
        self._tasks = tasks
        self._lock = asyncio.Lock()
        # The start of the process that was told everything; None when something was missed.
        self._informed: str | None = None

    async def check(self) -> None:
        """See that the process answers.

        Raises:
            Unavailable: it does not.
        """
        await self._client.status()

    async def pid(self) -> int:
        """The number of the process.

        Raises:
            Unavailable: it does not answer.
        """
        return (await self._client.status()).pid

    async def sync(self) -> None:
        """See that the process runs, and send everything to one that does not know it.

        Raises:
            Unavailable: it does not answer.
        """
        instance = await self._find_instance()
        if instance == self._informed:
            return
        async with self._lock:
            for task_id, reason in (await self._push_all()).items():
                log.warning("%s: %s did not open it: %s", task_id, self._client.name, reason)
                self._tasks.wake(task_id)
            self._informed = instance
        log.info("%s %s knows all tasks", self._client.name, instance)

    @abstractmethod
    async def _find_instance(self) -> str:
        """What tells this start of the process from others.

        Raises:
            Unavailable: it does not answer.
        """

    @abstractmethod
    async def _push_all(self) -> dict[str, str]:
        """Send the full state; returns why a task could not be opened, by its id.

        Raises:
            Unavailable: it does not answer.
        """

    def _read(self, task: Task) -> Task:
        """The row as it is now.

        Raises:
            NotFound: the attempt is over, and must not be opened again.
        """
        row = self._tasks.find(task.id)
        if row.attempt != task.attempt or row.state.final:
            raise NotFound("The attempt is over.")
        return row

    def _miss(self, task: Task, error: Unavailable) -> None:
        """Send everything again as soon as the process answers."""
        self._informed = None
        log.warning("%s: %s will be told later: %s", task.id, self._client.name, error)
