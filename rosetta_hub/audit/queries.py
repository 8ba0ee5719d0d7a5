"""Reading the audit log: pages for people, all of it for programs, and the end of old records."""

from collections.abc import Iterator
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Select, delete, func, or_, select

from rosetta_hub.database.database import Database
from rosetta_hub.database.models_audit import AuditRecord

# Records that are read, or deleted, in one transaction.
BATCH = 500


class AuditFilter(BaseModel):
    """Which records: all conditions that are set have to be met.

    `event` is a name (`task.stop`), or what it begins with (`task`). `user` is whoever did it or
    whom it concerned, `actor` who did it. `after` is the first moment, `before` ends the time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    event: str | None = Field(default=None, max_length=40)
    actor: str | None = Field(default=None, max_length=255)
    user: str | None = Field(default=None, max_length=255)
    task: str | None = Field(default=None, max_length=12)
    after: AwareDatetime | None = None
    before: AwareDatetime | None = None

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
        if self.after:
            query = query.where(AuditRecord.time >= self.after)
        if self.before:
            query = query.where(AuditRecord.time < self.before)
        return query


class AuditQueries:
    """Reads the table `audit`; what it returns are snapshots."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, wanted: AuditFilter, before_id: int | None, limit: int) -> list[AuditRecord]:
        """The newest records, or the next older ones than `before_id`; newest first."""
        query = wanted.apply(select(AuditRecord)).order_by(AuditRecord.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(AuditRecord.id < before_id)
        return self._list(query)

    def batches(self, wanted: AuditFilter) -> Iterator[list[AuditRecord]]:
        """All records, oldest first, in lists; a transaction for each list."""
        query = wanted.apply(select(AuditRecord)).order_by(AuditRecord.id).limit(BATCH)
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
