"""What goes through the edge, as counters that outlive the tasks."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge

from rosetta_hub.edge.client import Activity


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
        for task, seen in activity.items():
            before = self._known.get(task)
            resource = computing.get(task, "")
            self._count(resource, "in", seen.bytes_in, before.bytes_in if before else 0)
            self._count(resource, "out", seen.bytes_out, before.bytes_out if before else 0)
        self._connections.set(sum(seen.connections for seen in activity.values()))
        self._known = dict(activity)

    def _count(self, computing: str, direction: str, now: int, before: int) -> None:
        # An edge that was restarted begins at 0 again.
        self._bytes.labels(computing, direction).inc(now - before if now >= before else now)
