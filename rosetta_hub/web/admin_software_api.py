"""`api/v1/admin/software`: software that users have added."""

from datetime import datetime

from pydantic import BaseModel, Field

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.database.models_software import UserSoftware
from rosetta_hub.database.paging import PageQuery, PageView
from rosetta_hub.software.families import image_of
from rosetta_hub.software.oversight import OverseenVersion, Oversight
from rosetta_hub.web.admin_base import AdminHandler
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.operations import operation
from rosetta_hub.web.revisions import Revised, check_match, revision_of
from rosetta_hub.web.rights import ADMINISTER


class SoftwareQuery(PageQuery):
    """Part of an owner's name."""

    owner: str = Field(default="", max_length=255)


class Block(RequestModel, str_strip_whitespace=True):
    """Why a version can't be started, for its owner."""

    reason: str = Field(min_length=1, max_length=300)


class OverseenOwner(BaseModel):
    """Whose software it is: a user's, or a group's."""

    kind: str
    name: str


class PolicyVerdict(BaseModel):
    """What the image policy says of an image."""

    allowed: bool
    message: str


class OverseenVersionView(Revised):
    """A version that users have added; `blocked` is why it can't be started."""

    id: str
    family: str
    name: str
    owner: OverseenOwner
    image: str
    digest: str | None
    uses: int
    policy: PolicyVerdict | None
    blocked: str | None
    updated: datetime
    updated_by: str


class OverseenPage(PageView):
    """Versions, what was changed last first; `next` is null at the end."""

    software: list[OverseenVersionView]


class BlockState(Revised):
    """Why a version can't be started; null where it can."""

    blocked: str | None


class OversightHandler(AdminHandler):
    """What the handlers of this module share."""

    @property
    def oversight(self) -> Oversight:
        """Everybody's software."""
        return Oversight(self.services.tasks.database)

    def check_version(self, version_id: str) -> None:
        """Refuse to decide about a version that is not as the principal has seen it.

        Raises:
            NotFound: there is no such version.
            MatchRequired, ChangedMeanwhile: see `check_match`.
        """
        check_match(self.request, _revision(self.oversight.find(version_id)))

    def record(self, row: UserSoftware, change: str, **besides: str) -> None:
        """Write down what was done with somebody's software."""
        detail = {"change": change, "version": row.id, "image": image_of(row), **besides}
        self.audit(AuditEvent.SOFTWARE_CHANGE, user=row.owner, target=row.family, detail=detail)


class AdminSoftwareHandler(OversightHandler):
    """`api/v1/admin/software`."""

    path = "admin/software"

    @operation(id="list_user_software", right=ADMINISTER, answer=OverseenPage)
    def get(self, query: SoftwareQuery) -> OverseenPage:
        """Versions that users have added, what was changed last first."""
        page = self.oversight.page(query.owner, query)
        return OverseenPage(software=[_view(version) for version in page.rows], next=page.next)


class AdminVersionHandler(OversightHandler):
    """`api/v1/admin/software/<id>`."""

    path = "admin/software/{version}"

    @operation(id="delete_user_software", right=ADMINISTER, matches=True)
    def delete(self, version_id: str) -> None:
        """Delete a version that users have added; tasks that run go on."""
        self.check_version(version_id)
        self.record(self.oversight.delete(version_id), "delete")


class BlockHandler(OversightHandler):
    """`api/v1/admin/software/<id>/block`."""

    path = "admin/software/{version}/block"

    @operation(id="block_software", right=ADMINISTER, answer=BlockState, matches=True)
    def put(self, version_id: str, body: Block) -> BlockState:
        """Let a version be started no more; its owner sees the reason."""
        self.check_version(version_id)
        row = self.oversight.set_block(version_id, body.reason)
        self.record(row, "block", reason=body.reason)
        return BlockState(blocked=row.blocked, revision=_revision(row))

    @operation(id="unblock_software", right=ADMINISTER, answer=BlockState, matches=True)
    def delete(self, version_id: str) -> BlockState:
        """Let a version be started again."""
        self.check_version(version_id)
        row = self.oversight.set_block(version_id, None)
        self.record(row, "unblock")
        return BlockState(blocked=None, revision=_revision(row))


def _view(overseen: OverseenVersion) -> OverseenVersionView:
    row, verdict = overseen.row, overseen.verdict
    policy = PolicyVerdict(allowed=verdict.allowed, message=verdict.message) if verdict else None
    return OverseenVersionView(
        revision=_revision(row),
        id=row.id,
        family=row.family,
        name=str(row.entry.get("name") or row.family),
        owner=OverseenOwner(kind=row.owner_kind.value, name=row.owner),
        image=overseen.image,
        digest=row.digest,
        uses=overseen.uses,
        policy=policy,
        blocked=row.blocked,
        updated=row.updated,
        updated_by=row.updated_by,
    )


def _revision(row: UserSoftware) -> str:
    """Of the entry, which its owner may change, and of the block."""
    return revision_of(row.revision, row.blocked)
