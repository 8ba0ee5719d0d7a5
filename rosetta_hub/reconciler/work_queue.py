"""A queue of task ids: one worker at a time for each, with a backoff of its own after errors."""

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable

from rosetta_hub.background import spawn
from rosetta_hub.errors import Unavailable

log = logging.getLogger(__name__)

# Seconds: between the first error and the next try, doubled with each, up to the last.
FIRST_BACKOFF = 0.5
LAST_BACKOFF = 30.0

Work = Callable[[str], Awaitable[float | None]]


class WorkQueue:
    """Calls `work(key)` for every key that was added, never twice at once for one key.

    `work` returns seconds after which it wants to be called again, or None. A key that is added
    while its work goes on is worked again afterwards. An exception is logged and tried again
    with a growing delay.

    Keys of one group (`group_of` tells which) share `workers` slots: work that waits for a
    resource that does not answer holds those of its own group alone.
    """

    def __init__(self, work: Work, group_of: Callable[[str], str], workers: int) -> None:
        self._work = work
        self._group_of = group_of
        self._slots = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(workers))
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._busy: set[str] = set()
        self._again: set[str] = set()
        self._errors: dict[str, int] = {}
        self._closed = False

    def add(self, key: str, delay: float = 0) -> None:
        """Work on the key after `delay` seconds, or earlier if it is due earlier."""
        if self._closed:
            return
        if key in self._busy:
            # What is going on may have read the old state.
            self._again.add(key)
            return
        when = asyncio.get_running_loop().time() + delay
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= when:
                return
            timer.cancel()
        self._timers[key] = asyncio.get_running_loop().call_at(when, self._start, key)

    @property
    def length(self) -> int:
        """Keys that are worked on, or will be."""
        return len(self._timers) + len(self._busy)

    @property
    def failing(self) -> int:
        """Keys whose last try ended with an error."""
        return len(self._errors)

    def close(self) -> None:
        """Start no more work."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _start(self, key: str) -> None:
        self._timers.pop(key, None)
        self._busy.add(key)
        spawn(self._run(key), f"reconcile {key}")

    async def _run(self, key: str) -> None:
        delay: float | None = None
        try:
            async with self._slots[self._group_of(key)]:
                delay = await self._work(key)
            self._errors.pop(key, None)
        except Unavailable as error:
            delay = self._backoff(key)
            log.warning("%s: %s; next try in %.1f s", key, error, delay)
        except Exception:
            delay = self._backoff(key)
            log.exception("%s: next try in %.1f s", key, delay)
        self._busy.discard(key)
        if key in self._again:
            self._again.discard(key)
            # After an error the backoff holds, whoever calls.
            self.add(key, 0 if key not in self._errors else delay or 0)
        elif delay is not None:
            self.add(key, delay)

    def _backoff(self, key: str) -> float:
        count = self._errors.get(key, 0)
        self._errors[key] = count + 1
        delay = min(FIRST_BACKOFF * 2.0**count, LAST_BACKOFF)
        # Tasks of one resource fail together; they should not all come back together.
        return delay * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
