"""Shares as the REST API shows them. Times are ISO 8601 in UTC."""

from datetime import datetime

from pydantic import BaseModel

from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_sharing import ShareLink, TaskShare
from rosetta_hub.hub.shares import HubShare, Kind
from rosetta_hub.keys import digest


class ShareView(BaseModel):
    """A user or a group with whom a task is shared.

    `until` is null where the share has no end. `link` is the id of the link by which a user came,
    `created_by` who shared; both are null where it was done with the hub's own means.
    """

    id: str
    kind: Kind
    name: str
    until: datetime | None
    link: str | None
    created: datetime | None
    created_by: str | None


class LinkView(BaseModel):
    """A link; its address is shown once, when it is made.

    It admits `uses_left` users more until `expires`: those of `users` alone where there are any.
    What it has shared ends at `until`. `admits` tells whether it still lets somebody in.
    """

    id: str
    expires: datetime
    until: datetime | None
    uses: int
    uses_left: int
    users: list[str]
    admits: bool
    created: datetime
    created_by: str


class NewLinkView(LinkView):
    """A link that has just been made, with the address to hand on."""

    url: str


class VisitorView(BaseModel):
    """Somebody who has used the task within the last minute, in a browser."""

    user: str
    last_seen: datetime


class SharesView(BaseModel):
    """With whom a task is shared, and who is inside.

    `visitors` is null where the edge does not answer, `groups` are those with which the principal
    may share. `apart` tells whether connections of guests can be told from those of others, and so
    be cut: those of protocols other than HTTP can't.
    """

    shares: list[ShareView]
    links: list[LinkView]
    visitors: list[VisitorView] | None
    groups: list[str]
    may_share: bool
    apart: bool


def share_id(kind: str, name: str) -> str:
    """The id of a share in addresses: of 12 hexadecimal digits, the same for every task."""
    return digest(f"{kind}:{name}")[:12]


def view_share(share: HubShare, row: TaskShare | None) -> ShareView:
    """A share of the hub with what is known besides."""
    return ShareView(
        id=share_id(share.kind, share.name),
        kind=share.kind,
        name=share.name,
        until=row.until if row else None,
        link=row.link_id if row else None,
        created=row.created if row else None,
        created_by=row.created_by if row else None,
    )


def view_link(link: ShareLink) -> LinkView:
    """A link without its code, which nobody knows any more."""
    now = utc_now()
    over = link.expires <= now or (link.until is not None and link.until <= now)
    return LinkView(
        id=link.id,
        expires=link.expires,
        until=link.until,
        uses=link.uses,
        uses_left=link.uses_left,
        users=link.users,
        admits=link.ended is None and link.uses_left > 0 and not over,
        created=link.created,
        created_by=link.created_by,
    )
