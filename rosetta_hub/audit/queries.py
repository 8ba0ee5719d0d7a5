"""Reading the audit log: pages for users, all of it for programs, and the end of old records."""

from collections.abc import Iterator
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select, delete, func, or_, select

from rosetta_hub.database.database import Database
from rosetta_hub.database.models_audit import AuditRecord
from rosetta_hub.database.paging import Moment, Order, Page, PageQuery

# Records that are read, or deleted, in one transaction.
BATCH = 500
_NEWEST = Order(AuditRecord.id, AuditRecord.id, int, int, descending=True)


class AuditFilter(BaseModel):
    """Which records: all conditions that are set have to be met.

    `event` is a name (`task.stop`), or what it begins with (`task`). `user` is whoever did it or
    whom it concerned, `actor` who did it. `since` is the first moment, `until` ends the time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    event: str | None = Field(default=None, max_length=40)
    actor: str | None = Field(default=None, max_length=255)
    user: str | None = Field(default=None, max_length=255)
    task: str | None = Field(default=None, max_length=12)
    since: Moment | None = None
    until: Moment | None = None

    def apply(self, query: Select[AuditRecord]) -> Select[AuditRecord]:
        """The query with these conditions."""
        if self.event:
            # A range, which an index answers: "/" follows "." in ASCII.
            names = (AuditRecord.event >= f"{self.event}.", AuditRecord.event < f"{self.event}/")
            query = query.where(or_(AuditRecord.event == self.event, names[0] & names[1]))
        if self.actor:
            query = query.where(AuditRecord.actor == self.actor)
        if self.user:
            query = query.where(or_(AuditRecord.actor == self.user, AuditRecord.user == self.user))
        if self.task:
            query = query.where(AuditRecord.task == self.task)
        if self.since:
            query = query.where(AuditRecord.time >= self.since)
        if self.until:
            query = query.where(AuditRecord.time < self.until)
        return query


class AuditQueries:
    """Reads the table `audit`; what it returns are snapshots."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, audit_filter: AuditFilter, page: PageQuery) -> Page[AuditRecord]:
        """A page of the records, newest first.

        Raises:
            InvalidOptions: the cursor is none of this list.
        """
        return _NEWEST.read(self._database, audit_filter.apply(select(AuditRecord)), page)

    def has_any(self, audit_filter: AuditFilter) -> bool:
        """Whether there is such a record."""
        return bool(self._list(audit_filter.apply(select(AuditRecord)).limit(1)))

    def batches(self, audit_filter: AuditFilter) -> Iterator[list[AuditRecord]]:
        """All records, oldest first, in lists; a transaction for each list."""
        query = audit_filter.apply(select(AuditRecord)).order_by(AuditRecord.id).limit(BATCH)
        last = 0
        while records := self._list(query.where(AuditRecord.id > last)):
            yield records
            last = records[-1].id

    def delete_before(self, time: datetime) -> int:
        """Delete the oldest records of before that time, at most a batch; returns how many."""
        old = select(AuditRecord.id).where(AuditRecord.time < time)
        with self._database.session() as session:
            ids = list(session.scalars(old.order_by(AuditRecord.time).limit(BATCH)))
            session.execute(delete(AuditRecord).where(AuditRecord.id.in_(ids)))
        return len(ids)

    def count(self) -> int:
        """How many records there are."""
        with self._database.session() as session:
            return session.scalar(select(func.count()).select_from(AuditRecord)) or 0

    def _list(self, query: Select[AuditRecord]) -> list[AuditRecord]:
        with self._database.session() as session:
            return list(session.scalars(query))
