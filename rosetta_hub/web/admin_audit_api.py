"""`api/v1/admin/audit`: the audit log for administrators."""

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from tornado.iostream import StreamClosedError

from rosetta_hub.audit.log import AuditEvent, document
from rosetta_hub.audit.queries import AuditFilter, AuditQueries
from rosetta_hub.database.paging import PageQuery, PageView
from rosetta_hub.web.admin_base import AdminHandler
from rosetta_hub.web.operations import Content, operation
from rosetta_hub.web.rights import ADMINISTER


class AuditQuery(AuditFilter, PageQuery):
    """Which records, and which page of them."""


class AuditRecordView(BaseModel):
    """Who did what, and from where; null: not known, or of no meaning here."""

    id: int
    time: datetime
    event: str
    actor: str
    user: str | None = None
    task: str | None = None
    target: str | None = None
    address: str | None = None
    detail: dict[str, Any] | None = None


class AuditPage(PageView):
    """Records, newest first; `next` is null on the last page.

    `events` are all that there may be, `days` is how long records are kept.
    """

    records: list[AuditRecordView]
    events: list[str]
    days: int


class AuditHandler(AdminHandler):
    """`api/v1/admin/audit`."""

    path = "admin/audit"

    @operation(id="list_audit_records", right=ADMINISTER, answer=AuditPage)
    def get(self, query: AuditQuery) -> AuditPage:
        """Records of the audit log, newest first."""
        page = AuditQueries(self.services.tasks.database).page(query, query)
        return AuditPage(
            records=[AuditRecordView(**document(record)) for record in page.rows],
            next=page.next,
            events=[event.value for event in AuditEvent],
            days=self.services.settings.audit_days,
        )


class AuditExportHandler(AdminHandler):
    """`api/v1/admin/audit/export`."""

    path = "admin/audit/export"

    @operation(id="export_audit_log", right=ADMINISTER, answer=Content("application/x-ndjson"))
    async def get(self, query: AuditFilter) -> None:
        """All records that the filters take, oldest first, a line of JSON each."""
        filters = query.model_dump(mode="json", exclude_none=True)
        self.audit(AuditEvent.AUDIT_EXPORT, detail=filters)
        self.set_header("Content-Type", "application/x-ndjson")
        self.set_header("Content-Disposition", 'attachment; filename="audit.jsonl"')
        batches = AuditQueries(self.services.tasks.database).batches(query)
        try:
            # The database is read between two pieces of the answer, never on the event loop.
            while lines := await asyncio.to_thread(_next_lines, batches):
                self.write(lines)
                await self.flush()
        except StreamClosedError:
            return


def _next_lines(batches: Iterator[list[Any]]) -> str:
    return "".join(json.dumps(document(record)) + "\n" for record in next(batches, []))
