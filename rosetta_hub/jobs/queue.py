"""Runs durable jobs: so many at once, each user's share, and again after something was away."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from rosetta_hub.background import spawn
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_builds import Build
from rosetta_hub.database.models_copies import Copy
from rosetta_hub.errors import NotFound, Unavailable

log = logging.getLogger(__name__)

# Seconds: between the first error and the next try, doubled with each, up to the last.
FIRST_BACKOFF = 2.0
LAST_BACKOFF = 60.0
# Seconds between two looks at the rows when nobody wakes the queue.
ROUND = 30.0
# How long an ended job is shown.
KEPT = timedelta(days=7)


# Rows that are worked on. All have `id`, `user` (whose share it is) and `cancelling`.
J = TypeVar("J", Copy, Build)


def choose_jobs(
    active: Sequence[J], running: Collection[str], per_user: int, at_once: int
) -> list[J]:
    """The jobs to begin now.

    `active` are those that have not ended and that may go on, oldest first; `running` are the ids
    of those that go on. The user with the fewest is next, then the oldest job.
    """
    counts = Counter(job.user for job in active if job.id in running)
    waiting = [job for job in active if job.id not in running]
    next_jobs: list[J] = []
    while len(running) + len(next_jobs) < at_once:
        allowed = [job for job in waiting if counts[job.user] < per_user]
        if not allowed:
            break
        # The first of several that are equal: the oldest.
        job = min(allowed, key=lambda job: counts[job.user])
        waiting.remove(job)
        counts[job.user] += 1
        next_jobs.append(job)
    return next_jobs


class JobRecords(Protocol[J]):
    """The rows of one kind of jobs."""

    def active(self) -> Sequence[J]:
        """The jobs that have not ended, oldest first."""

    def forget_ended(self, before: datetime) -> None:
        """Forget what ended before a time."""

    def wait_again(self, job: J, reason: str) -> None:
        """Queue a job again that could not go on.

        Raises:
            NotFound: its row was removed.
        """

    def fail(self, job: J, message: str) -> None:
        """End a job.

        Raises:
            NotFound: its row was removed.
        """


class JobQueue(Generic[J]):
    """Begins jobs as `choose_jobs` says; `work` runs one to its end.

    After `Unavailable` a job is queued again with the error as its message, and leaves its place
    to others until it is tried again. `kind` names the jobs in the log.
    """

    def __init__(
        self,
        kind: str,
        records: JobRecords[J],
        work: Callable[[J], Awaitable[None]],
        per_user: int,
        at_once: int,
    ) -> None:
        self._kind = kind
        self._records: JobRecords[J] = records
        self._work: Callable[[J], Awaitable[None]] = work
        self._per_user = per_user
        self._at_once = at_once
        self._event = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._length = 0
        self._errors: dict[str, int] = {}
        self._not_before: dict[str, float] = {}

    def wake(self) -> None:
        """Look at the rows soon."""
        self._event.set()

    @property
    def length(self) -> int:
        """Jobs that are worked on, or wait for it; 0 until the rows were read once."""
        return self._length

    @property
    def failing(self) -> int:
        """Jobs whose last try ended because something was away."""
        return len(self._errors)

    def close(self) -> None:
        """Stop all jobs; the next service goes on with them."""
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
                log.warning("queue of %s jobs: %s", self._kind, error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause()):
                    await self._event.wait()

    def _step(self) -> None:
        active = self._records.active()
        self._length = len(active)
        self._forget_others(active)
        for job in active:
            if job.cancelling:
                # Its next turn removes what it left, and comes at once.
                self._not_before.pop(job.id, None)
                if (task := self._running.get(job.id)) and not task.cancelling():
                    task.cancel()
        now = time.monotonic()
        due = [
            job
            for job in active
            if job.id in self._running or self._not_before.get(job.id, 0) <= now
        ]
        for job in choose_jobs(due, self._running.keys(), self._per_user, self._at_once):
            self._running[job.id] = spawn(self._run(job), f"{self._kind} {job.id}")
        self._records.forget_ended(utc_now() - KEPT)

    def _forget_others(self, active: Sequence[J]) -> None:
        ids = {job.id for job in active}
        for by_job in (self._errors, self._not_before):
            for job_id in by_job.keys() - ids:
                del by_job[job_id]

    def _pause(self) -> float:
        """Seconds until a job is due that waits for what was away."""
        soonest = min(self._not_before.values(), default=float("inf"))
        return min(ROUND, max(0.1, soonest - time.monotonic()))

    async def _run(self, job: J) -> None:
        try:
            await self._work(job)
            self._errors.pop(job.id, None)
            self._not_before.pop(job.id, None)
        except Unavailable as error:
            self._wait(job, str(error))
        except NotFound:
            log.info("%s %s: its row was removed", self._kind, job.id)
        except Exception:
            log.exception("%s %s", self._kind, job.id)
            message = "Something went wrong. The administrator finds it in the log."
            self._save(job, lambda: self._records.fail(job, message))
        finally:
            self._running.pop(job.id, None)
            self.wake()

    def _wait(self, job: J, reason: str) -> None:
        count = self._errors.get(job.id, 0)
        self._errors[job.id] = count + 1
        delay = min(FIRST_BACKOFF * 2.0**count, LAST_BACKOFF)
        self._not_before[job.id] = time.monotonic() + delay
        log.warning("%s %s: %s; next try in %.0f s", self._kind, job.id, reason, delay)
        self._save(job, lambda: self._records.wait_again(job, reason))

    def _save(self, job: J, change: Callable[[], None]) -> None:
        try:
            change()
        except NotFound:
            log.info("%s %s: its row was removed", self._kind, job.id)
        except Unavailable as error:
            # The row is as it was, and is worked on again.
            log.warning("%s %s: %s", self._kind, job.id, error)
