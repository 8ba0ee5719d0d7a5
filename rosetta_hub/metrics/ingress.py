"""What goes through the edge, as counters that outlive the tasks; how the tunnels are."""

from collections import Counter as Counted
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge

from rosetta_hub.edge.client import Activity
from rosetta_hub.tunnels.client import TunnelState

NOTHING = Activity(0, 0, None, 0, {})


class EdgeTraffic:
    """Adds up what the edge counts for each task.

    The edge forgets a task's numbers with the task: what went through it after the last scrape is
    lost, and so is what a restarted edge had counted since then.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._bytes = Counter(
            "rosetta_edge_bytes",
            "Bytes between users and tasks, by where they go: in to tasks, out to users.",
            ["computing", "direction"],
            registry=registry,
        )
        self._connections = Gauge(
            "rosetta_edge_connections",
            "Open connections between users and tasks.",
            registry=registry,
        )
        self._known: dict[str, Activity] = {}

    def note(self, activity: Mapping[str, Activity], computing: Mapping[str, str]) -> None:
        """Take the numbers of all tasks as they are now; `computing` is that of each task."""
        grown = Counted[tuple[str, str]]()
        for task, traffic in activity.items():
            before, resource = self._known.get(task, NOTHING), computing.get(task, "")
            grown[resource, "in"] += growth(before.bytes_in, traffic.bytes_in)
            grown[resource, "out"] += growth(before.bytes_out, traffic.bytes_out)
        for labels, count in grown.items():
            self._bytes.labels(*labels).inc(count)
        self._connections.set(sum(traffic.connections for traffic in activity.values()))
        self._known = dict(activity)


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
        counts = Counted(
            (computing[task], tunnel.state) for task, tunnel in tunnels.items() if task in computing
        )
        for resource in {resource for resource, _ in counts}:
            for state in ("open", "waiting", "error"):
                self._tunnels.labels(resource, state).set(counts[resource, state])


def growth(before: int, now: int) -> int:
    """What was added to a count; an edge that was restarted begins at 0 again."""
    return now - before if now >= before else now
