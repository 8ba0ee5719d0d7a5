"""How the tunnels to remote tasks are."""

from collections import Counter
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge

from rosetta_hub.tunnels.client import TunnelState


class TunnelMetrics:
    """Counts tunnels by computing resource and state, of tasks that have not ended."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._tunnels = Gauge(
            "rosetta_tunnels",
            "Tunnels to tasks: open, waiting to be connected (again), or in need of somebody.",
            ["computing", "state"],
            registry=registry,
        )

    def note(self, tunnels: Mapping[str, TunnelState], computing: Mapping[str, str]) -> None:
        """Take the tunnels of all tasks; `computing` is that of each task."""
        self._tunnels.clear()
        counts = Counter(
            (computing[task], tunnel.state) for task, tunnel in tunnels.items() if task in computing
        )
        for resource in {resource for resource, _ in counts}:
            for state in ("open", "waiting", "error"):
                self._tunnels.labels(resource, state).set(counts[resource, state])
