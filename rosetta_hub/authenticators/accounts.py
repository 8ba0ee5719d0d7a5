"""The database of accounts as the hub's process uses it: short transactions, beside its loop."""

import asyncio
import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from jupyterhub import orm
from sqlalchemy.orm import Session

from rosetta_hub.accounts.who import Claimant, Decision, FindCreated, decide
from rosetta_hub.audit.log import AuditEvent, AuditLog
from rosetta_hub.database.database import Database

# Seconds for the hub's own database, which answers at once.
_HUB_TIMEOUT = 10.0

Result = TypeVar("Result")


class Accounts:
    """One for each hub; `hub_session` gives the session of the hub's own database."""

    def __init__(self, database: Database, hub_session: Callable[[], Session]) -> None:
        self.database = database
        self.audit = AuditLog(database)
        self._hub_session = hub_session
        # One at a time, so that a name that is free is still free when it is taken.
        self._deciding = asyncio.Lock()

    async def transact(self, work: Callable[[Session], Result]) -> Result:
        """Do something in a transaction, in a thread.

        Raises:
            DatabaseUnavailable: the database does not answer.
        """
        return await asyncio.to_thread(self.run, work)

    def run(self, work: Callable[[Session], Result]) -> Result:
        """As `transact`, at once: for the hub's start."""
        with self.database.session() as session:
            return work(session)

    async def decide(self, claimant: Claimant, intent: str | None = None) -> Decision:
        """See `who.decide`."""
        find = self._threadsafe_find_created()
        async with self._deciding:
            return await self.transact(lambda session: decide(session, claimant, find, intent))

    async def record(self, event: AuditEvent, actor: str, **fields: Any) -> None:
        """Add to the audit log."""
        await asyncio.to_thread(functools.partial(self.audit.record, event, actor, **fields))

    def find_created(self, name: str) -> datetime | None:
        """When the hub created the user of that name; None where it has none."""
        user = orm.User.find(self._hub_session(), name)
        return None if user is None else created_of(user)

    def _threadsafe_find_created(self) -> FindCreated:
        """As `find_created`, for a thread: the hub's session belongs to the loop."""
        loop = asyncio.get_running_loop()

        async def find(name: str) -> datetime | None:
            return self.find_created(name)

        def wait(name: str) -> datetime | None:
            return asyncio.run_coroutine_threadsafe(find(name), loop).result(_HUB_TIMEOUT)

        return wait


def created_of(user: Any) -> datetime | None:
    """When the hub created a user: it stores UTC without a zone."""
    created: datetime | None = user.created
    return None if created is None else created.replace(tzinfo=UTC)
