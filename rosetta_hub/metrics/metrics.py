"""All metrics of the service, together."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, generate_latest

from rosetta_hub import __version__
from rosetta_hub.database.database import Database
from rosetta_hub.edge.client import Activity
from rosetta_hub.errors import Unavailable
from rosetta_hub.metrics.event_loop import EventLoopLag
from rosetta_hub.metrics.state import StateCollector
from rosetta_hub.metrics.tasks import TaskMetrics
from rosetta_hub.metrics.traffic import EdgeTraffic


class Metrics:
    """A registry of the service's own: the hub's is in another process, at the hub's address."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.tasks = TaskMetrics(self._registry)
        self.loop_lag = EventLoopLag(self._registry)
        self._traffic = EdgeTraffic(self._registry)
        self._up = Gauge(
            "rosetta_up", "Whether a part of the service works.", ["part"], registry=self._registry
        )
        self._queue = Gauge(
            "rosetta_work_queue_length",
            "Tasks that the service works on, or will at a set time.",
            registry=self._registry,
        )
        version = Gauge("rosetta_info", "The version.", ["version"], registry=self._registry)
        version.labels(__version__).set(1)
        ProcessCollector(registry=self._registry)

    def register_state(self, database: Database, computing: Sequence[str]) -> None:
        """Count what the database holds, too."""
        self._registry.register(StateCollector(database, computing))

    async def render(
        self,
        parts: Mapping[str, bool],
        queue_length: int,
        activity: Callable[[], Awaitable[Mapping[str, Activity]]],
    ) -> bytes:
        """The numbers of now, in Prometheus' text format.

        `parts` says which parts of the service work; `activity` asks the edge, which may be down.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        for part, works in parts.items():
            self._up.labels(part).set(works)
        self._queue.set(queue_length)
        # Where the edge is down, `rosetta_up` says it.
        with suppress(Unavailable):
            self._traffic.note(await activity())
        return generate_latest(self._registry)
