"""All metrics of the service, together."""

import asyncio
from collections.abc import Sequence

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from rosetta_hub import __version__
from rosetta_hub.background import spawn
from rosetta_hub.database.database import Database
from rosetta_hub.metrics.ingress import EdgeTraffic, TunnelMetrics
from rosetta_hub.metrics.parts import EventLoopLag, PartMetrics, QueueMetrics
from rosetta_hub.metrics.schedulers import SchedulerMetrics
from rosetta_hub.metrics.sources import Observation, Sources
from rosetta_hub.metrics.state import StateCollector
from rosetta_hub.metrics.tasks import TaskMetrics


class Metrics:
    """A registry of the service's own: the hub's is in another process, at the hub's address."""

    def __init__(self) -> None:
        # A second line a series, which the process's start tells as well.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self.tasks = TaskMetrics(self._registry)
        self.schedulers = SchedulerMetrics(self._registry)
        self.loop_lag = EventLoopLag(self._registry)
        self._traffic = EdgeTraffic(self._registry)
        self._tunnels = TunnelMetrics(self._registry)
        self._parts = PartMetrics(self._registry)
        self._queues = QueueMetrics(self._registry)
        self._state: StateCollector | None = None
        self._rendering: asyncio.Task[bytes] | None = None
        version = Gauge("rosetta_info", "The version.", ["version"], registry=self._registry)
        version.labels(__version__).set(1)
        ProcessCollector(registry=self._registry)

    def register_state(
        self, database: Database, computing: Sequence[str], heartbeat_interval: int
    ) -> None:
        """Count what the database holds, too; `computing` are the configured resources."""
        self.tasks.begin(computing)
        self._state = StateCollector(database, computing, heartbeat_interval)
        self._registry.register(self._state)

    async def render(self, sources: Sources) -> bytes:
        """The numbers of now, in Prometheus' text format.

        What does not answer in time is left out, and `rosetta_up` tells that it is down: a scrape
        ends before Prometheus gives it up. Scrapes at the same time share one answer.
        """
        if self._rendering is None or self._rendering.done():
            self._rendering = spawn(self._render(sources), "metrics")
        return await asyncio.shield(self._rendering)

    async def _render(self, sources: Sources) -> bytes:
        observation = await sources.observe()
        self._parts.note(observation)
        self._queues.note(observation.queues)
        self._note_ingress(observation)
        return generate_latest(self._registry)

    def _note_ingress(self, observation: Observation) -> None:
        computing = self._state.refresh() if self._state is not None else {}
        if observation.activity is not None:
            self._traffic.note(observation.activity, computing)
        if observation.tunnels is not None:
            self._tunnels.note(observation.tunnels, computing)
