"""Numbers by day and computing resource, which outlive the tasks that they count."""

from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.options import TaskSpec
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Task, TaskState, utc_now
from rosetta_hub.database.models_administration import DailyNumbers
from rosetta_hub.tasks.changes import Before


class NumberCounter:
    """A `Planner` and a `Watcher` of the task manager; counts in the changes' transactions."""

    def plan(self, session: Session, task: Task, _spec: TaskSpec, _user: User) -> None:
        """Count a start."""
        _today(session, task.computing).starts += 1

    def watch(self, session: Session, before: Before, task: Task) -> None:
        """Count a failure, or how many run now."""
        if task.state is before.state:
            return
        if task.state is TaskState.FAILED:
            _today(session, task.computing).failures += 1
        if task.state is TaskState.RUNNING:
            note_running(session, task.computing)


def note_running(session: Session, computing: str) -> None:
    """Note how many tasks run on a resource, where that is the most of today."""
    session.flush()
    # The resource is looked up among the running tasks, which are few beside those that ended.
    running = select(func.count()).where(
        Task.state == TaskState.RUNNING, Task.computing == computing
    )
    count = session.scalar(running) or 0
    row = _today(session, computing)
    row.most_running = max(row.most_running, count)


class DailyReport:
    """Reads the numbers, and carries what runs over midnight into the new day."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._day: date | None = None

    async def step(self) -> None:
        """Note what runs at the beginning of a day.

        Raises:
            DatabaseUnavailable: the next round does it.
        """
        today = utc_now().date()
        if today == self._day:
            return
        with self._database.session() as session:
            query = select(Task.computing).where(Task.state == TaskState.RUNNING).distinct()
            for computing in list(session.scalars(query)):
                note_running(session, computing)
        self._day = today

    def rows(self, days: int) -> list[DailyNumbers]:
        """The numbers of the last days, oldest first."""
        first = utc_now().date() - timedelta(days=days - 1)
        query = select(DailyNumbers).where(DailyNumbers.day >= first)
        with self._database.session() as session:
            rows = session.scalars(query.order_by(DailyNumbers.day, DailyNumbers.computing))
            return list(rows)


def _today(session: Session, computing: str) -> DailyNumbers:
    key = (utc_now().date(), computing)
    row = session.get(DailyNumbers, key, with_for_update=True)
    if row is None:
        row = DailyNumbers(day=key[0], computing=computing, starts=0, failures=0, most_running=0)
        session.add(row)
        session.flush()
    return row
