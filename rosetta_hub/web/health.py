"""Whether the service, and all that it needs, works."""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from rosetta_hub.database.database import Database
from rosetta_hub.errors import RosettaError
from rosetta_hub.metrics.sources import PartHealth

log = logging.getLogger(__name__)

# Seconds for which an answer counts: nobody has to log in to ask.
MAX_AGE = 2.0
# Seconds after which a part that has not answered counts as down: less than a scrape may take.
TIMEOUT = 4.0
# Bytes that must fit on the disk.
PROBE = 1 << 16

Check = Callable[[], Awaitable[None]]


class Health:
    """Runs all checks, and keeps the result for a moment.

    `checks` are by name, with what is said where one raises (`OSError` or an error of ours) or
    does not end; details are in the log, because everybody may ask.
    """

    def __init__(self, checks: Mapping[str, tuple[Check, str]]) -> None:
        self._checks = checks
        self._parts: dict[str, PartHealth] = {}
        self._known_until = 0.0
        self._lock = asyncio.Lock()

    async def parts(self) -> dict[str, PartHealth]:
        """How each part is, by its name."""
        async with self._lock:
            if time.monotonic() >= self._known_until:
                states = await asyncio.gather(*map(self._check, self._checks))
                self._parts = dict(zip(self._checks, states, strict=True))
                self._known_until = time.monotonic() + MAX_AGE
            return self._parts

    async def faults(self) -> dict[str, str]:
        """A message for each part that does not work, by the part's name."""
        parts = await self.parts()
        return {name: part.message for name, part in parts.items() if not part.works}

    async def _check(self, name: str) -> PartHealth:
        check, message = self._checks[name]
        start = time.monotonic()
        try:
            async with asyncio.timeout(TIMEOUT):
                await check()
            message = ""
        except (OSError, RosettaError) as error:
            log.warning("health: %s: %s", name, str(error) or "no answer")
        return PartHealth(message, time.monotonic() - start)


def database_check(database: Database) -> Check:
    """Whether the database answers a query."""
    return lambda: asyncio.to_thread(database.ping)


def disk_check(directory: Path) -> Check:
    """Whether something can be written to a directory."""
    return lambda: asyncio.to_thread(_write, directory / "health.probe")


def _write(path: Path) -> None:
    try:
        with path.open("wb") as file:
            file.write(os.urandom(PROBE))
            file.flush()
            # Some file systems find out only now that they are full.
            os.fsync(file.fileno())
    finally:
        path.unlink(missing_ok=True)
