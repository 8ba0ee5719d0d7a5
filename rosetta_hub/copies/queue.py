"""Runs the copies: so many at once, each user's share, and again after a storage was away."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from rosetta_hub.background import spawn
from rosetta_hub.copies.records import CopyRecords
from rosetta_hub.copies.schedule import choose_copies
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_copies import Copy, CopyState
from rosetta_hub.errors import NotFound, Unavailable

log = logging.getLogger(__name__)

# Seconds: between the first error and the next try, doubled with each, up to the last.
FIRST_BACKOFF = 2.0
LAST_BACKOFF = 60.0
# Seconds between two looks at the rows when nobody wakes the queue.
ROUND = 30.0
# How long an ended copy is shown.
KEPT = timedelta(days=7)


class CopyQueue:
    """Begins copies as `choose_copies` says; `work` runs one to its end.

    After `Unavailable` a copy is queued again with the error as its message, and leaves its place
    to others until it is tried again.
    """

    def __init__(
        self,
        records: CopyRecords,
        work: Callable[[Copy], Awaitable[None]],
        per_user: int,
        at_once: int,
    ) -> None:
        self._records = records
        self._work = work
        self._per_user = per_user
        self._at_once = at_once
        self._event = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._errors: dict[str, int] = {}
        self._not_before: dict[str, float] = {}

    def wake(self) -> None:
        """Look at the rows soon."""
        self._event.set()

    def close(self) -> None:
        """Stop all copies; the next service goes on with them."""
        for task in self._running.values():
            task.cancel()
        self._at_once = 0

    async def run(self) -> None:
        """Work until the service ends."""
        while True:
            self._event.clear()
            try:
                self._step()
            except Unavailable as error:
                log.warning("copies: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._event.wait()

    def _step(self) -> None:
        active = self._records.active()
        self._forget_others(active)
        for copy in active:
            if copy.cancelling:
                # Its next turn removes what it left, and comes at once.
                self._not_before.pop(copy.id, None)
                if (task := self._running.get(copy.id)) and not task.cancelling():
                    task.cancel()
        now = time.monotonic()
        due = [
            copy
            for copy in active
            if copy.id in self._running or self._not_before.get(copy.id, 0) <= now
        ]
        for copy in choose_copies(due, self._running.keys(), self._per_user, self._at_once):
            self._running[copy.id] = spawn(self._run(copy), f"copy {copy.id}")
        self._records.forget_ended(utc_now() - KEPT)

    def _forget_others(self, active: list[Copy]) -> None:
        ids = {copy.id for copy in active}
        for known in (self._errors, self._not_before):
            for copy_id in known.keys() - ids:
                del known[copy_id]

    def _pause(self) -> float:
        """Seconds until a copy is due that waits for its storage."""
        soonest = min(self._not_before.values(), default=float("inf"))
        return min(ROUND, max(0.1, soonest - time.monotonic()))

    async def _run(self, copy: Copy) -> None:
        try:
            await self._work(copy)
            self._errors.pop(copy.id, None)
            self._not_before.pop(copy.id, None)
        except Unavailable as error:
            self._wait(copy, str(error))
        except NotFound:
            log.info("copy %s: its row was removed", copy.id)
        except Exception:
            log.exception("copy %s", copy.id)
            self._fail(copy, "Something went wrong. The administrator finds it in the log.")
        finally:
            self._running.pop(copy.id, None)
            self.wake()

    def _wait(self, copy: Copy, reason: str) -> None:
        count = self._errors.get(copy.id, 0)
        self._errors[copy.id] = count + 1
        delay = min(FIRST_BACKOFF * 2.0**count, LAST_BACKOFF)
        self._not_before[copy.id] = time.monotonic() + delay

        def wait(row: Copy) -> None:
            row.state, row.rate = CopyState.QUEUED, None
            row.message = f"{reason} The copy goes on as soon as it can."

        log.warning("copy %s: %s; next try in %.0f s", copy.id, reason, delay)
        self._update(copy, wait)

    def _fail(self, copy: Copy, message: str) -> None:
        def fail(row: Copy) -> None:
            row.state, row.message, row.ended = CopyState.FAILED, message, utc_now()

        self._update(copy, fail)

    def _update(self, copy: Copy, change: Callable[[Copy], None]) -> None:
        try:
            self._records.update(copy.id, change)
        except NotFound:
            log.info("copy %s: its row was removed", copy.id)
        except Unavailable as error:
            # The row is as it was, and is worked on again.
            log.warning("copy %s: %s", copy.id, error)
