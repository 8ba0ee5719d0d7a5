"""Announcements: `api/v1/announcements` for everybody, `api/v1/admin/announcements` for admins."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from rosetta_hub.administration.announcements import AnnouncementText
from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_administration import Announcement, Level
from rosetta_hub.web.admin_base import AdminHandler
from rosetta_hub.web.base_handler import BaseHandler
from rosetta_hub.web.operations import operation
from rosetta_hub.web.revisions import check_match
from rosetta_hub.web.rights import ADMINISTER, NO_LOGIN


class AnnouncementView(BaseModel):
    """What everybody sees of an announcement; `version` is another one after each change."""

    id: int
    version: str
    text: str
    level: Level
    dismissable: bool


class AnnouncementList(BaseModel):
    """What is announced now."""

    announcements: list[AnnouncementView]


class AdminAnnouncement(AnnouncementView):
    """An announcement with the time in which it is shown, and who changed it last."""

    starts: datetime
    ends: datetime | None
    updated_by: str


class AdminAnnouncementList(BaseModel):
    """All announcements, also those of later and of before."""

    announcements: list[AdminAnnouncement]


class AnnouncementsHandler(BaseHandler):
    """`api/v1/announcements`: nobody has to log in, because the login page shows them, too."""

    path = "announcements"
    routine = True

    @operation(id="list_announcements", right=NO_LOGIN, answer=AnnouncementList)
    def get(self) -> AnnouncementList:
        """What is announced now."""
        rows = self.services.administration.announcements.shown(utc_now())
        return AnnouncementList(announcements=[AnnouncementView(**_public(row)) for row in rows])


class AdminAnnouncementsHandler(AdminHandler):
    """`api/v1/admin/announcements`."""

    path = "admin/announcements"

    @operation(id="list_all_announcements", right=ADMINISTER, answer=AdminAnnouncementList)
    def get(self) -> AdminAnnouncementList:
        """All announcements, also those of later and of before."""
        rows = self.services.administration.announcements.all()
        return AdminAnnouncementList(announcements=[_view(row) for row in rows])

    @operation(
        id="add_announcement",
        right=ADMINISTER,
        answer=AdminAnnouncement,
        status=201,
        refuses=(409,),
    )
    def post(self, body: AnnouncementText) -> AdminAnnouncement:
        """Announce something."""
        row = self.services.administration.announcements.add(body, self.principal.name)
        _record(self, row.id, "add", body.text)
        return _view(row)


class AdminAnnouncementHandler(AdminHandler):
    """`api/v1/admin/announcements/<id>`."""

    path = "admin/announcements/{announcement}"

    @operation(id="change_announcement", right=ADMINISTER, answer=AdminAnnouncement, matches=True)
    def put(self, number: str, body: AnnouncementText) -> AdminAnnouncement:
        """Replace an announcement; its `version` is the entity tag."""
        self._check_version(number)
        announcements = self.services.administration.announcements
        row = announcements.change(int(number), body, self.principal.name)
        _record(self, row.id, "change", body.text)
        return _view(row)

    @operation(id="delete_announcement", right=ADMINISTER, matches=True)
    def delete(self, number: str) -> None:
        """Show an announcement no more; its `version` is the entity tag."""
        self._check_version(number)
        self.services.administration.announcements.delete(int(number))
        _record(self, int(number), "delete")

    def _check_version(self, number: str) -> None:
        row = self.services.administration.announcements.find(int(number))
        check_match(self.request, row.updated.isoformat())


def _public(row: Announcement) -> dict[str, Any]:
    return {
        "id": row.id,
        "version": row.updated.isoformat(),
        "text": row.text,
        "level": row.level,
        "dismissable": row.dismissable,
    }


def _view(row: Announcement) -> AdminAnnouncement:
    return AdminAnnouncement(
        **_public(row), starts=row.starts, ends=row.ends, updated_by=row.updated_by
    )


def _record(handler: AdminHandler, number: int, change: str, text: str = "") -> None:
    detail = {"change": change, **({"text": text} if text else {})}
    handler.audit(AuditEvent.ANNOUNCEMENT_CHANGE, target=str(number), detail=detail)
