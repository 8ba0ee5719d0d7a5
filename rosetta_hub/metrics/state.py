"""What is now: read from the database when Prometheus asks."""

from collections.abc import Iterator, Sequence
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import func, select

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import BrowserSession, Task, TaskState, utc_now
from rosetta_hub.errors import DatabaseUnavailable
from rosetta_hub.tasks.liveness import build_unresponsive_condition
from rosetta_hub.tasks.queries import ACTIVE


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

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The metrics."""
        try:
            counts, silent, sessions = self._read()
        except DatabaseUnavailable:
            return
        all_silent = {**dict.fromkeys(self._computing, 0), **silent}
        zeros = {(name, state): 0 for name in self._computing for state in ACTIVE}
        yield _build_family(
            "rosetta_tasks",
            "Tasks that have not ended.",
            {(name, state.value): count for (name, state), count in {**zeros, **counts}.items()},
            ["computing", "state"],
        )
        yield _build_family(
            "rosetta_tasks_unresponsive",
            "Tasks whose agents have not reported for a while.",
            {(name,): count for name, count in all_silent.items()},
            ["computing"],
        )
        yield GaugeMetricFamily(
            "rosetta_browser_sessions", "Logins of browsers that may enter a task.", value=sessions
        )

    def find_computing(self) -> dict[str, str]:
        """The computing resource of each task that has not ended, by the task's id."""
        query = select(Task.id, Task.computing).where(Task.state.in_(ACTIVE))
        try:
            with self._database.session() as session:
                return dict(session.execute(query).all())
        except DatabaseUnavailable:
            return {}

    def _read(self) -> tuple[dict[tuple[str, TaskState], int], dict[str, int], int]:
        grouped = (
            select(Task.computing, Task.state, func.count())
            .where(Task.state.in_(ACTIVE))
            .group_by(Task.computing, Task.state)
        )
        silent = (
            select(Task.computing, func.count())
            .where(build_unresponsive_condition(self._heartbeat_interval))
            .group_by(Task.computing)
        )
        entered = select(func.count()).where(BrowserSession.expires > utc_now())
        with self._database.session() as session:
            counts = {(name, state): count for name, state, count in session.execute(grouped)}
            unresponsive = dict(session.execute(silent).all())
            return counts, unresponsive, session.scalar(entered) or 0


def _build_family(
    name: str, text: str, values: dict[tuple[str, ...], Any], labels: list[str]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family
