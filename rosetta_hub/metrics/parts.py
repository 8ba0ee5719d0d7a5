"""Whether the parts of the service work: checks, sidecar processes, queues."""

from collections.abc import Mapping
from functools import partial

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector

from rosetta_hub.metrics.sources import Observation, QueueState

# The parts that are processes of their own.
SIDECARS = ("edge", "tunnels")
# A path below /proc that does not exist.
NO_PROCESS = "none"


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
