"""What is now: read from the database when Prometheus asks."""

from collections.abc import Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import func, select

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import BrowserSession, Task, TaskState, utc_now
from rosetta_hub.tasks.queries import ACTIVE


class StateCollector:
    """A collector of prometheus_client: two queries a scrape, however many tasks there are.

    Each configured resource and each active state is there, also with none, so that an alert on
    zero finds a number.
    """

    def __init__(self, database: Database, computing: Sequence[str]) -> None:
        self._database = database
        self._computing = computing

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The metrics."""
        counts, sessions = self._read()
        tasks = GaugeMetricFamily(
            "rosetta_tasks", "Tasks that have not ended.", labels=["computing", "state"]
        )
        zeros = {(name, state): 0 for name in self._computing for state in ACTIVE}
        for (computing, state), count in {**zeros, **counts}.items():
            tasks.add_metric([computing, state.value], count)
        yield tasks
        yield GaugeMetricFamily(
            "rosetta_browser_sessions", "Logins of browsers that may enter a task.", value=sessions
        )

    def _read(self) -> tuple[dict[tuple[str, TaskState], int], int]:
        grouped = (
            select(Task.computing, Task.state, func.count())
            .where(Task.state.in_(ACTIVE))
            .group_by(Task.computing, Task.state)
        )
        entered = select(func.count()).where(BrowserSession.expires > utc_now())
        with self._database.session() as session:
            counts = {(name, state): count for name, state, count in session.execute(grouped)}
            return counts, session.scalar(entered) or 0
