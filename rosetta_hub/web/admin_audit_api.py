"""`api/v1/admin/audit`: the audit log for administrators."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

from tornado.iostream import StreamClosedError

from rosetta_hub.audit.log import AuditEvent, document
from rosetta_hub.audit.queries import AuditFilter, AuditQueries
from rosetta_hub.database.pages import PageQuery
from rosetta_hub.web.admin_base import AdminHandler, Routes


class AuditQuery(AuditFilter, PageQuery):
    """Which records, and which page of them."""


class AuditHandler(AdminHandler):
    """`api/v1/admin/audit`."""

    def get(self) -> None:
        """Records, newest first; `next` is null on the last page."""
        query = self.read_query(AuditQuery)
        page = self._queries().page(query, query)
        self.answer(
            {
                "records": [document(record) for record in page.rows],
                "next": page.next,
                "events": [event.value for event in AuditEvent],
                "days": self.services.settings.audit_days,
            }
        )

    def _queries(self) -> AuditQueries:
        return AuditQueries(self.services.tasks.database)


class AuditExportHandler(AdminHandler):
    """`api/v1/admin/audit/export`."""

    async def get(self) -> None:
        """All records that the filters take, oldest first, a line of JSON each."""
        wanted = self.read_query(AuditFilter)
        shown = wanted.model_dump(mode="json", exclude_none=True)
        self.audit(AuditEvent.AUDIT_EXPORT, detail=shown)
        self.set_header("Content-Type", "application/x-ndjson")
        self.set_header("Content-Disposition", 'attachment; filename="audit.jsonl"')
        batches = AuditQueries(self.services.tasks.database).batches(wanted)
        try:
            # The database is read between two pieces of the answer, never on the event loop.
            while lines := await asyncio.to_thread(_next_lines, batches):
                self.write(lines)
                await self.flush()
        except StreamClosedError:
            return


def _next_lines(batches: Iterator[list[Any]]) -> str:
    return "".join(json.dumps(document(record)) + "\n" for record in next(batches, []))


def admin_audit_routes(prefix: str, arguments: dict[str, Any]) -> Routes:
    """The routes of this module below `prefix`."""
    return [
        (rf"{prefix}api/v1/admin/audit", AuditHandler, arguments),
        (rf"{prefix}api/v1/admin/audit/export", AuditExportHandler, arguments),
    ]
