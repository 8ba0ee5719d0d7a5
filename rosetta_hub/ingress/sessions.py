"""The browsers that may enter tasks, as the database keeps them."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session as DatabaseSession

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import BrowserSession, Task, utc_now
from rosetta_hub.edge.client import Session
from rosetta_hub.errors import Conflict
from rosetta_hub.keys import Keys, digest

# Browsers of one user in one task at a time: many more than anybody has, few enough to be sent.
MOST_SESSIONS = 100


@dataclass(frozen=True)
class NewSession:
    """What a browser gets."""

    cookie: str = field(repr=False)
    expires: datetime
    is_new: bool


class BrowserSessions:
    """One row for each task, user and login of a browser."""

    def __init__(self, database: Database, keys: Keys, hours: int) -> None:
        self._database = database
        self._keys = keys
        self._hours = hours

    def start(self, task: Task, user: str, token: str) -> NewSession:
        """Let a browser in; `token` is the OAuth token that it has for the service.

        The same login gets the same session again, which lasts longer then.

        Raises:
            Conflict: the user has too many of them.
        """
        cookie = self._keys.session_cookie(task.id, task.attempt, user, token)
        expires = utc_now() + timedelta(hours=self._hours)
        with self._database.session() as session:
            row = session.get(BrowserSession, digest(cookie))
            is_new = row is None or row.expires < utc_now()
            if row is None:
                self._check_room(session, task, user)
                row = BrowserSession(digest=digest(cookie), task_id=task.id, user=user)
                row.token = self._keys.database.encrypt(token.encode())
                session.add(row)
            row.expires = expires
        return NewSession(cookie, expires, is_new)

    def _check_room(self, session: DatabaseSession, task: Task, user: str) -> None:
        count = session.scalar(
            select(func.count())
            .select_from(BrowserSession)
            .where(
                BrowserSession.task_id == task.id,
                BrowserSession.user == user,
                BrowserSession.expires > utc_now(),
            )
        )
        if (count or 0) >= MOST_SESSIONS:
            raise Conflict(
                f"You have opened this task from {MOST_SESSIONS} logins within {self._hours} hours,"
                " which is the most that it admits. Go on in a browser where it is open, or try"
                " again when the oldest of these sessions has ended."
            )

    def find(self, new: NewSession) -> BrowserSession | None:
        """The row of a session; None when it was ended meanwhile."""
        with self._database.session() as session:
            return session.get(BrowserSession, digest(new.cookie))

    def rows(self, task: Task) -> list[BrowserSession]:
        """Those of a task, expired ones included."""
        query = select(BrowserSession).where(BrowserSession.task_id == task.id)
        with self._database.session() as session:
            return list(session.scalars(query))

    def end(self, row: BrowserSession) -> None:
        """Forget one."""
        with self._database.session() as session:
            session.execute(delete(BrowserSession).where(BrowserSession.digest == row.digest))

    def end_all(self, task: Task) -> None:
        """Forget all of a task."""
        with self._database.session() as session:
            session.execute(delete(BrowserSession).where(BrowserSession.task_id == task.id))

    def of_task(self, task: Task) -> dict[str, Session]:
        """Those that may enter a task now, by the SHA-256 of their cookie."""
        return self._read(task.id)[task.id]

    def by_task(self) -> defaultdict[str, dict[str, Session]]:
        """Those that may enter now, by the id of their task."""
        return self._read(None)

    def _read(self, task_id: str | None) -> defaultdict[str, dict[str, Session]]:
        query = select(BrowserSession).where(BrowserSession.expires > utc_now())
        if task_id is not None:
            query = query.where(BrowserSession.task_id == task_id)
        sessions: defaultdict[str, dict[str, Session]] = defaultdict(dict)
        with self._database.session() as session:
            for row in session.scalars(query):
                expires = int(row.expires.timestamp())
                sessions[row.task_id][row.digest] = Session(row.user, expires)
        return sessions
