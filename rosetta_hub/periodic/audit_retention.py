"""The end of records of the audit log."""

import asyncio
from datetime import timedelta

from rosetta_hub.audit.queries import BATCH, AuditQueries
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now


class AuditRetention:
    """Deletes records after `audit_days`."""

    def __init__(self, database: Database, settings: Rosetta) -> None:
        self._queries = AuditQueries(database)
        self._age = timedelta(days=settings.audit_days)

    async def step(self) -> None:
        """Delete what is too old.

        Raises:
            DatabaseUnavailable: the rest is deleted in a later round.
        """
        if not self._age:
            return
        before = utc_now() - self._age
        while await asyncio.to_thread(self._queries.delete_before, before) == BATCH:
            pass
