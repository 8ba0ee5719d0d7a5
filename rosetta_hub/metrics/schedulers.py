"""Calls of schedulers: how many, how long, and whether they were answered."""

import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram

from rosetta_hub.resources.inventory import Inventory
from rosetta_hub.resources.wms import Job, JobEnd, JobRefused, JobRequest, QueueIsPrivate, Wms

Answer = TypeVar("Answer")

# Seconds: a query of a large, busy cluster takes many.
CALL_BUCKETS = (0.1, 0.5, 1, 5, 15, 60)


class SchedulerMetrics:
    """Counts the calls of each computing resource with a scheduler."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._calls = Counter(
            "rosetta_scheduler_calls",
            "Calls of schedulers; unanswered: nobody was there, or the answer can't be read.",
            ["computing", "call", "result"],
            registry=registry,
        )
        self._seconds = Histogram(
            "rosetta_scheduler_call_seconds",
            "How long calls of schedulers took, the connection included.",
            ["computing", "call"],
            buckets=CALL_BUCKETS,
            registry=registry,
        )

    def measure(self, computing: str, wms: Wms) -> Wms:
        """The same scheduler, whose calls are counted."""
        # From 0 on: the first call that is not answered is seen as an increase.
        for result in ("answered", "unanswered"):
            self._calls.labels(computing, "jobs", result)
        return MeasuredWms(self, computing, wms)

    async def count(self, computing: str, call: str, answer: Awaitable[Answer]) -> Answer:
        """Wait for a call, and count it."""
        start = time.monotonic()
        result = "unanswered"
        try:
            returned = await answer
            result = "answered"
            return returned
        except (JobRefused, QueueIsPrivate):
            result = "answered"
            raise
        finally:
            self._calls.labels(computing, call, result).inc()
            self._seconds.labels(computing, call).observe(time.monotonic() - start)


@dataclass(frozen=True)
class MeasuredWms:
    """A `Wms` that counts its calls."""

    metrics: SchedulerMetrics
    computing: str
    wms: Wms

    async def submit(self, request: JobRequest, script: str) -> str:
        """See Wms."""
        return await self._count("submit", self.wms.submit(request, script))

    async def jobs(self, users: Sequence[str]) -> list[Job]:
        """See Wms."""
        return await self._count("jobs", self.wms.jobs(users))

    async def find(self, name: str) -> list[Job]:
        """See Wms."""
        return await self._count("find", self.wms.find(name))

    async def end(self, job_id: str) -> JobEnd | None:
        """See Wms."""
        return await self._count("end", self.wms.end(job_id))

    async def ends(self, job_ids: Sequence[str]) -> dict[str, JobEnd]:
        """See Wms."""
        return await self._count("ends", self.wms.ends(job_ids))

    async def cancel(self, job_id: str) -> None:
        """See Wms."""
        await self._count("cancel", self.wms.cancel(job_id))

    async def extend(self, job_id: str, seconds: int) -> None:
        """See Wms."""
        await self._count("extend", self.wms.extend(job_id, seconds))

    async def inventory(self) -> Inventory:
        """See Wms."""
        return await self._count("inventory", self.wms.inventory())

    async def _count(self, call: str, answer: Awaitable[Answer]) -> Answer:
        return await self.metrics.count(self.computing, call, answer)
