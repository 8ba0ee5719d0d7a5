"""Whether the parts of the service work: checks, sidecar processes, queues, the event loop."""

import asyncio
from collections.abc import Mapping
from functools import partial

from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector

from rosetta_hub.metrics.sources import Observation, QueueState

# The parts that are processes of their own.
SIDECARS = ("edge", "tunnels")
# A path below /proc that does not exist.
NO_PROCESS = "none"
# Seconds.
LAG_INTERVAL = 0.5
LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)


class PartMetrics:
    """The checks of all parts, and what edge and tunnels use as processes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._up = Gauge(
            "rosetta_up", "Whether a part of the service works.", ["part"], registry=registry
        )
        self._seconds = Gauge(
            "rosetta_part_check_seconds",
            "How long the last check of a part took.",
            ["part"],
            registry=registry,
        )
        self._pids: dict[str, int | None] = {}
        for part in SIDECARS:
            pid = partial(self._find_pid, part)
            ProcessCollector(namespace=f"rosetta_{part}", pid=pid, registry=registry)

    def note(self, observation: Observation) -> None:
        """Take what a scrape has found out."""
        for part, health in observation.parts.items():
            self._up.labels(part).set(health.works)
            self._seconds.labels(part).set(health.seconds)
        self._pids = dict(observation.pids)

    def _find_pid(self, part: str) -> int | str:
        return self._pids.get(part) or NO_PROCESS


class QueueMetrics:
    """How much work waits."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._length = Gauge(
            "rosetta_queue_length",
            "Entries of a queue: those that are worked on, and those that will be.",
            ["queue"],
            registry=registry,
        )
        self._failing = Gauge(
            "rosetta_queue_failing",
            "Entries of a queue that wait for another try after an error.",
            ["queue"],
            registry=registry,
        )

    def note(self, queues: Mapping[str, QueueState]) -> None:
        """Take the queues as they are now."""
        for name, state in queues.items():
            self._length.labels(name).set(state.length)
            self._failing.labels(name).set(state.failing)


class EventLoopLag:
    """How long the event loop keeps others waiting: by how much each of many sleeps is too long."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lag = Histogram(
            "rosetta_event_loop_lag_seconds",
            "By how much a timer of the service's event loop was late.",
            buckets=LAG_BUCKETS,
            registry=registry,
        )

    async def run(self) -> None:
        """Go on for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_INTERVAL
            await asyncio.sleep(LAG_INTERVAL)
            self._lag.observe(max(0.0, loop.time() - due))
