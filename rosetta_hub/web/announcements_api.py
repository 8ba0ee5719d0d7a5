"""Announcements: `api/v1/announcements` for everybody, `api/v1/admin/announcements` for admins."""

from typing import Any

from rosetta_hub.administration.announcements import AnnouncementText
from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_administration import Announcement
from rosetta_hub.web.admin_base import AdminHandler, Routes
from rosetta_hub.web.bodies import parse_body
from rosetta_hub.web.handlers import BaseHandler


class AnnouncementsHandler(BaseHandler):
    """`api/v1/announcements`: nobody has to log in, because the login page shows them, too."""

    routine = True

    def get(self) -> None:
        """What is shown now."""
        shown = self.services.administration.announcements.shown(utc_now())
        self.answer({"announcements": [public_document(row) for row in shown]})


class AdminAnnouncementsHandler(AdminHandler):
    """`api/v1/admin/announcements`."""

    def get(self) -> None:
        """All, also those of later and of before."""
        rows = self.services.administration.announcements.all()
        self.answer({"announcements": [document(row) for row in rows]})

    def post(self) -> None:
        """Announce something."""
        text = parse_body(AnnouncementText, self.json_body())
        row = self.services.administration.announcements.add(text, self.principal.name)
        _record(self, row.id, "add", text.text)
        self.answer(document(row), 201)


class AdminAnnouncementHandler(AdminHandler):
    """`api/v1/admin/announcements/<id>`."""

    def put(self, number: str) -> None:
        """Replace it."""
        text = parse_body(AnnouncementText, self.json_body())
        announcements = self.services.administration.announcements
        row = announcements.change(int(number), text, self.principal.name)
        _record(self, row.id, "change", text.text)
        self.answer(document(row))

    def delete(self, number: str) -> None:
        """Show it no more."""
        self.services.administration.announcements.delete(int(number))
        _record(self, int(number), "delete")
        self.answer({})


def public_document(row: Announcement) -> dict[str, Any]:
    """What everybody sees of it; `version` is another one after each change."""
    return {
        "id": row.id,
        "version": row.updated.isoformat(),
        "text": row.text,
        "level": row.level.value,
        "dismissable": row.dismissable,
    }


def document(row: Announcement) -> dict[str, Any]:
    """All of it."""
    return {
        **public_document(row),
        "starts": row.starts.isoformat(),
        "ends": row.ends.isoformat() if row.ends else None,
        "updated_by": row.updated_by,
    }


def _record(handler: AdminHandler, number: int, change: str, text: str = "") -> None:
    detail = {"change": change, **({"text": text} if text else {})}
    handler.audit(AuditEvent.ANNOUNCEMENT_CHANGE, target=str(number), detail=detail)


def announcements_routes(prefix: str, arguments: dict[str, Any]) -> Routes:
    """The routes of this module below `prefix`."""
    admin = rf"{prefix}api/v1/admin/announcements"
    return [
        (rf"{prefix}api/v1/announcements", AnnouncementsHandler, arguments),
        (admin, AdminAnnouncementsHandler, arguments),
        (rf"{admin}/([1-9][0-9]{{0,8}})", AdminAnnouncementHandler, arguments),
    ]
