"""In which browsers users are logged in at the service."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_user import BrowserLogin
from rosetta_hub.keys import digest
from rosetta_hub.users.user_agents import describe_browser

# A page asks every few seconds; a row is written no more often than this.
PRECISION = timedelta(minutes=5)
# The hub's tokens for services live for two weeks by default: what is older has ended.
KEPT = timedelta(days=30)


class BrowserLogins:
    """Notes which browser of a user has been here, by the digest of its session at the hub."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: dict[tuple[str, str], datetime] = {}

    def note(self, user: str, session_id: str, user_agent: str, address: str) -> None:
        """Write down that a browser of the user was here just now."""
        now, key = utc_now(), (digest(session_id), user)
        if now - self._noted.get(key, datetime.min.replace(tzinfo=now.tzinfo)) < PRECISION:
            return
        with self._database.session() as session:
            row = session.get(BrowserLogin, key)
            if row is None:
                row = BrowserLogin(digest=key[0], user=user, first_seen=now)
                session.execute(delete(BrowserLogin).where(BrowserLogin.last_seen < now - KEPT))
            row.browser, row.address, row.last_seen = describe_browser(user_agent), address, now
            session.merge(row)
        self._noted = {login: at for login, at in self._noted.items() if now - at < PRECISION}
        self._noted[key] = now

    def of(self, user: str) -> list[BrowserLogin]:
        """A user's browsers, the one that was here last first."""
        query = select(BrowserLogin).where(BrowserLogin.user == user)
        with self._database.session() as session:
            return list(session.scalars(query.order_by(BrowserLogin.last_seen.desc())))

    def delete(self, user: str, session: str) -> None:
        """Forget one browser of a user, by the digest of its session."""
        with self._database.session() as database:
            key = (BrowserLogin.digest == session, BrowserLogin.user == user)
            database.execute(delete(BrowserLogin).where(*key))
        self._noted.pop((session, user), None)

    def delete_user(self, user: str) -> None:
        """Forget a user's browsers."""
        with self._database.session() as session:
            session.execute(delete(BrowserLogin).where(BrowserLogin.user == user))
        self._noted = {key: at for key, at in self._noted.items() if key[1] != user}
