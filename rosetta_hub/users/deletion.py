"""The hub's users for whom the service keeps something, and the end of what it keeps for them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import BrowserSession
from rosetta_hub.database.models_mail import MailSettings
from rosetta_hub.database.models_software import SoftwareUse
from rosetta_hub.database.models_user import HubUser
from rosetta_hub.errors import Conflict
from rosetta_hub.hub.client import HubClient
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.users.identities import Identities

log = logging.getLogger(__name__)


class Users:
    """Deletes what belongs to a user whom the hub has deleted: keys, mails, tasks, copies and more.

    The hub tells when it created a user. A user who was created anew under the same name is
    another user, who must inherit nothing. `end_session` closes a session at the edge;
    `close_connection` is called with user and computing resource before a key is deleted;
    `delete_jobs` cancels and deletes a user's copies and builds, and tells whether none is left;
    `delete_rows` deletes what nothing has to be stopped for: software of the user's own, accounts
    at registries. `delete_with_user` deletes what stays when a user only
    deletes own data: what the user signs in with, and notes about shares, which the hub ends.
    """

    def __init__(
        self,
        tasks: TaskManager,
        identities: Identities,
        hub: HubClient,
        end_session: Callable[[BrowserSession], Awaitable[None]],
        close_connection: Callable[[str, str], Awaitable[None]],
        delete_jobs: Callable[[str], bool],
        delete_rows: Callable[[str], None],
        delete_with_user: Callable[[str], None] = lambda _user: None,
    ) -> None:
        self._tasks = tasks
        self._database: Database = tasks.database
        self._identities = identities
        self._hub = hub
        self._end_session = end_session
        self._close_connection = close_connection
        self._delete_jobs = delete_jobs
        self._delete_rows = delete_rows
        self._delete_with_user = delete_with_user
        self._known: dict[str, datetime] = {}
        # A user's first requests come together; what the first one makes, none of them deletes.
        self._lock = asyncio.Lock()

    async def recognise(self, name: str, created: datetime | None) -> None:
        """Note that the user is there, and delete what a former user of that name has left.

        `created` is when the hub created the user, None where the caller does not know: then the
        hub is asked.

        Raises:
            Conflict: tasks of the former user are still being stopped.
            HubUnavailable: the hub does not answer.
            EdgeUnavailable: the edge does not answer, so a session of the former user goes on.
        """
        if created is None:
            created = await self._hub.user_created(name)
        if created is None or _same(self._known.get(name), created):
            return
        async with self._lock:
            if self._is_another(name, created):
                log.warning("the hub's user %r is a new one: deleting what the former left", name)
                await self._delete_all(name)
            self._note(name, created)

    async def delete_own(self, name: str) -> None:
        """Delete what is kept for a user who goes on to be one, and to sign in as before.

        Raises:
            Conflict: a task is active, or copies or builds are still being stopped.
            EdgeUnavailable: the edge does not answer.
        """
        active = [task for task in self._tasks.all(name) if not task.state.final]
        if active:
            raise Conflict(
                f"Your task {active[0].name!r} has not ended. Stop your tasks first: their results"
                " may be lost otherwise."
            )
        async with self._lock:
            await self._delete_data(name, "yours")

    async def step(self) -> None:
        """Delete what belongs to users whom the hub does not have any more.

        Raises:
            HubUnavailable: the hub does not answer: nothing is known.
            EdgeUnavailable: the edge does not answer; the next round tries again.
        """
        # Read before the hub is asked: somebody who comes meanwhile is not taken for absent.
        names = self._names()
        present = await self._hub.users()
        if not present:
            # A hub without anybody has lost its database.
            return
        for name in names:
            try:
                if name in present:
                    await self.recognise(name, present[name])
                elif not await self._hub.has_user(name):
                    await self._forget(name)
            except Conflict as error:
                log.info("%s: %s", name, error)

    async def _forget(self, name: str) -> None:
        async with self._lock:
            log.warning("the hub has no user %r any more: deleting what is kept", name)
            await self._delete_all(name)
            with self._database.session() as session:
                session.execute(delete(HubUser).where(HubUser.name == name))
            self._known.pop(name, None)

    async def _delete_all(self, name: str) -> None:
        """Delete everything of a user whom the hub does not have any more."""
        await self._delete_data(name, f"a former user named {name!r}")
        self._delete_with_user(name)

    async def _delete_data(self, name: str, whose: str) -> None:
        """Delete what the user has made; tasks first, because their ends need the user's keys."""
        for row in self._sessions(name):
            await self._end_session(row)
        if not self._tasks.delete_user(name):
            raise Conflict(f"Tasks of {whose} are being stopped. Try again in a minute.")
        if not self._delete_jobs(name):
            raise Conflict(f"Copies or builds of {whose} are being stopped. Try again in a minute.")
        for computing in self._identities.resources_of(name):
            await self._close_connection(name, computing)
            self._identities.delete(name, computing)
        self._delete_rows(name)
        with self._database.session() as session:
            session.execute(delete(MailSettings).where(MailSettings.user == name))
            session.execute(delete(SoftwareUse).where(SoftwareUse.user == name))

    def _is_another(self, name: str, created: datetime) -> bool:
        with self._database.session() as session:
            row = session.get(HubUser, name)
        return row is not None and row.created is not None and not _same(row.created, created)

    def _note(self, name: str, created: datetime) -> None:
        with self._database.session() as session:
            session.merge(HubUser(name=name, created=created))
        self._known[name] = created

    def _names(self) -> list[str]:
        with self._database.session() as session:
            return list(session.scalars(select(HubUser.name)))

    def _sessions(self, name: str) -> list[BrowserSession]:
        with self._database.session() as session:
            return list(session.scalars(select(BrowserSession).where(BrowserSession.user == name)))


def _same(first: datetime | None, second: datetime) -> bool:
    """Whether two times are the same, also where a database keeps one of them in whole seconds."""
    if first is None or 0 not in (first.microsecond, second.microsecond):
        return first == second
    return abs(first - second) < timedelta(seconds=1)
