"""Finds out which image a tag names, before an engine is started that does not tell."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from rosetta_hub.agents.spec import software_of
from rosetta_hub.database.models import Task
from rosetta_hub.errors import Unavailable
from rosetta_hub.registries.errors import RegistryRefused, RegistryUnavailable
from rosetta_hub.registries.references import Reference, parse_reference
from rosetta_hub.tasks.manager import TaskManager

log = logging.getLogger(__name__)

# Seconds that a start waits for a registry.
TIMEOUT = 3.0
# Seconds for which a registry that did not answer is not asked again.
PAUSE = 300.0
# Docker and podman know the digests of their images.
ENGINES = ("singularity",)

# Finds the digest that a reference has now, with the accounts of the user of that name.
FindDigest = Callable[[str, Reference], Awaitable[str]]


class ImagePins:
    """Gives tasks of Singularity the digest that their tag has now.

    The node then gets just this image, and the task's record names it. A registry that does not
    answer in time, or refuses, holds nobody up: the node asks it by the tag, and tells why it
    fails.
    """

    def __init__(self, tasks: TaskManager, find_digest: FindDigest) -> None:
        self._tasks = tasks
        self._find_digest = find_digest
        self._silent: dict[str, float] = {}

    async def pin(self, task: Task) -> Task:
        """The task with its image's digest, where that can be found out."""
        software = software_of(task)
        is_known = software.image_digest is not None or software.is_file
        if task.engine not in ENGINES or is_known or software.pull == "never":
            return task
        digest = await self._digest(task.user, software.image)
        if digest is None:
            return task

        def pin(row: Task) -> None:
            row.software = {**row.software, "image_digest": digest}
            row.image_digest = digest

        return self._tasks.update(task, pin)

    async def _digest(self, user: str, image: str) -> str | None:
        try:
            reference = parse_reference(image)
            if time.monotonic() < self._silent.get(reference.host, 0.0):
                return None
            try:
                async with asyncio.timeout(TIMEOUT):
                    return await self._find_digest(user, reference)
            except (RegistryUnavailable, TimeoutError) as error:
                log.info("%s: %s", image, str(error) or "the registry is slow")
                self._silent[reference.host] = time.monotonic() + PAUSE
        except (RegistryRefused, Unavailable) as error:
            log.info("%s: %s", image, error)
        return None
