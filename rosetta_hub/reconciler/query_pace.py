"""When a scheduler is asked next: rarely, but soon where somebody waits for the answer."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

# Seconds between queries on average, however much is going on: four a minute.
AVERAGE = 15.0
# Seconds between the last query and the one that follows a submission.
SOON = 20.0
# Seconds that an urgent query waits for others to share it, doubled for each recent query beyond
# so many.
SHARE = 0.1
FREE = 3.0


class QueryPace:
    """The times of one scheduler's queries; `interval` is that of the regular ones, in seconds.

    Urgent queries are shared: each waits a moment for others, the longer the more queries there
    were lately. A few starts are answered at once, many starts in a row are answered together, and
    the average stays at one query in `AVERAGE` seconds (in `interval`, where that is shorter).
    `now` is a clock, in seconds.
    """

    def __init__(self, interval: float, now: Callable[[], float] = monotonic) -> None:
        self._interval = interval
        self._average = min(AVERAGE, interval)
        self._now = now
        self._recent = 0.0
        self._counted = self._ended = now()
        self._is_soon = False
        self._urgent_since: float | None = None
        self._changed = asyncio.Event()

    def expect_change(self) -> None:
        """Ask `SOON` seconds after the last query: something was submitted."""
        self._is_soon = True
        self._changed.set()

    def hurry(self) -> None:
        """Ask as soon as the average allows: somebody waits for the answer."""
        if self._urgent_since is None:
            self._urgent_since = self._now()
            self._changed.set()

    def begin(self) -> None:
        """A query is made now; what is expected from here on needs another one."""
        self._recent = self._count_recent() + 1
        self._counted = self._now()
        self._is_soon, self._urgent_since = False, None
        self._changed.clear()

    async def wait(self) -> None:
        """After a query has ended: return when the next one is due."""
        self._ended = self._now()
        while (seconds := self.due() - self._now()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed.wait()
            self._changed.clear()

    def due(self) -> float:
        """When the next query is due, on the monotonic clock."""
        due = self._ended + (min(SOON, self._interval) if self._is_soon else self._interval)
        if self._urgent_since is None:
            return due
        beyond = max(0.0, self._count_recent() - FREE)
        wait = min(SHARE * 2 ** min(beyond, 10.0), self._average)
        return min(due, self._urgent_since + wait)

    def _count_recent(self) -> float:
        """Queries that were made, less those that the average has allowed since."""
        return max(0.0, self._recent - (self._now() - self._counted) / self._average)
