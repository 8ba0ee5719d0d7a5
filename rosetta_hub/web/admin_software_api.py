"""`api/v1/admin/software`: software that users have added."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.database.models_software import UserSoftware
from rosetta_hub.database.pages import PageQuery
from rosetta_hub.software.cards import image_of
from rosetta_hub.software.oversight import OverseenVersion, Oversight
from rosetta_hub.web.admin_base import AdminHandler, Routes
from rosetta_hub.web.bodies import parse_body


class SoftwareQuery(PageQuery):
    """Part of an owner's name."""

    owner: str = Field(default="", max_length=255)


class Block(BaseModel):
    """Why a version can't be started, for its owner."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    reason: str = Field(min_length=1, max_length=300)


class OversightHandler(AdminHandler):
    """What the handlers of this module share."""

    @property
    def oversight(self) -> Oversight:
        """Everybody's software."""
        return Oversight(self.services.tasks.database)

    def record(self, row: UserSoftware, change: str, **besides: str) -> None:
        """Write down what was done with somebody's software."""
        detail = {"change": change, "version": row.id, "image": image_of(row), **besides}
        self.audit(AuditEvent.SOFTWARE_CHANGE, user=row.owner, target=row.card, detail=detail)


class AdminSoftwareHandler(OversightHandler):
    """`api/v1/admin/software`."""

    def get(self) -> None:
        """Versions, what was changed last first; `next` is null at the end."""
        query = self.read_query(SoftwareQuery)
        page = self.oversight.page(query.owner, query)
        self.answer({"software": [_document(one) for one in page.rows], "next": page.next})


class AdminVersionHandler(OversightHandler):
    """`api/v1/admin/software/<id>`."""

    def delete(self, version_id: str) -> None:
        """Delete the version; tasks that run go on."""
        self.record(self.oversight.delete(version_id), "delete")
        self.answer({})


class BlockHandler(OversightHandler):
    """`api/v1/admin/software/<id>/block`."""

    def put(self, version_id: str) -> None:
        """Let the version be started no more; its owner sees the reason."""
        reason = parse_body(Block, self.json_body()).reason
        row = self.oversight.set_block(version_id, reason)
        self.record(row, "block", reason=reason)
        self.answer({"blocked": row.blocked})

    def delete(self, version_id: str) -> None:
        """Let it be started again."""
        row = self.oversight.set_block(version_id, None)
        self.record(row, "unblock")
        self.answer({"blocked": None})


def _document(one: OverseenVersion) -> dict[str, Any]:
    row, verdict = one.row, one.verdict
    policy = {"allowed": verdict.allowed, "message": verdict.message} if verdict else None
    return {
        "id": row.id,
        "card": row.card,
        "name": str(row.entry.get("name") or row.card),
        "owner": {"kind": row.owner_kind.value, "name": row.owner},
        "image": one.image,
        "digest": row.digest,
        "uses": one.uses,
        "policy": policy,
        "blocked": row.blocked,
        "updated": row.updated.isoformat(),
        "updated_by": row.updated_by,
    }


def admin_software_routes(prefix: str, arguments: dict[str, Any]) -> Routes:
    """The routes of this module below `prefix`."""
    software = rf"{prefix}api/v1/admin/software"
    version = rf"{software}/([0-9a-f]{{12}})"
    return [
        (software, AdminSoftwareHandler, arguments),
        (version, AdminVersionHandler, arguments),
        (rf"{version}/block", BlockHandler, arguments),
    ]
