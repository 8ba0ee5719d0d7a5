"""What is now: read from the database when Prometheus asks."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import String, func, select, type_coerce

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import BrowserSession, Task, utc_now
from rosetta_hub.errors import DatabaseUnavailable
from rosetta_hub.tasks.liveness import build_unresponsive_condition
from rosetta_hub.tasks.queries import ACTIVE


@dataclass(frozen=True)
class _Snapshot:
    """What the database holds at the time of a scrape."""

    computing: dict[str, str]
    """The resource of each task that has not ended, by the task's id."""
    counts: Counter[tuple[str, str]]
    """These tasks, by resource and state."""
    unresponsive: dict[str, int]
    sessions: int


class StateCollector:
    """A collector of prometheus_client: three queries a scrape, however many tasks there are.

    Each configured resource and each active state is there, also with none, so that an alert on
    zero finds a number. While the database does not answer, the metrics are missing.
    """

    def __init__(
        self, database: Database, computing: Sequence[str], heartbeat_interval: int
    ) -> None:
        self._database = database
        self._computing = computing
        self._heartbeat_interval = heartbeat_interval
        self._snapshot: _Snapshot | None = None

    def refresh(self) -> dict[str, str]:
        """Read the database; returns the resource of each task that has not ended, by its id."""
        try:
            self._snapshot = self._read()
        except DatabaseUnavailable:
            self._snapshot = None
            return {}
        return self._snapshot.computing

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The metrics, as they were when the database was read last."""
        snapshot = self._snapshot
        if snapshot is None:
            return
        zeros = {(name, state.value): 0 for name in self._computing for state in ACTIVE}
        silent = {**dict.fromkeys(self._computing, 0), **snapshot.unresponsive}
        yield _build_family(
            "rosetta_tasks",
            "Tasks that have not ended.",
            {**zeros, **snapshot.counts},
            ["computing", "state"],
        )
        yield _build_family(
            "rosetta_tasks_unresponsive",
            "Tasks whose agents have not reported for a while.",
            {(name,): count for name, count in silent.items()},
            ["computing"],
        )
        text = "Logins of browsers that may enter a task."
        yield GaugeMetricFamily("rosetta_browser_sessions", text, value=snapshot.sessions)

    def _read(self) -> _Snapshot:
        state = type_coerce(Task.state, String)
        tasks = select(Task.id, Task.computing, state).where(Task.state.in_(ACTIVE))
        silent = (
            select(Task.computing, func.count())
            .where(build_unresponsive_condition(self._heartbeat_interval))
            .group_by(Task.computing)
        )
        entered = select(func.count()).where(BrowserSession.expires > utc_now())
        with self._database.session() as session:
            # Rows of a connection cost half of those of a session.
            connection = session.connection()
            rows = connection.execute(tasks).all()
            return _Snapshot(
                {row[0]: row[1] for row in rows},
                Counter((row[1], row[2]) for row in rows),
                dict(connection.execute(silent).all()),
                connection.scalar(entered) or 0,
            )


def _build_family(
    name: str, text: str, values: Mapping[Any, int], labels: list[str]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family
