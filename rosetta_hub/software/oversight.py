"""Users' software as administrators see it: whose it is, what is used, and what is blocked."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from rosetta_hub.database.database import Database
from rosetta_hub.database.models_software import ImageVerdict, SoftwareUse, UserSoftware
from rosetta_hub.database.paging import Order, Page, PageQuery
from rosetta_hub.errors import NotFound
from rosetta_hub.software.families import image_of
from rosetta_hub.software.records import delete_rows

_NEWEST = Order(UserSoftware.updated, UserSoftware.id, datetime, descending=True)


@dataclass(frozen=True)
class OverseenVersion:
    """A version, how often its family was started, and what the image policy says of its image."""

    row: UserSoftware
    image: str
    uses: int
    verdict: ImageVerdict | None


class Oversight:
    """Reads everybody's versions, blocks and deletes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, owner: str, page_query: PageQuery) -> Page[OverseenVersion]:
        """Versions of owners with this part in their name, what was changed last first.

        Raises:
            InvalidOptions: the cursor is none of this list.
        """
        query = select(UserSoftware)
        if owner:
            query = query.where(UserSoftware.owner.icontains(owner, autoescape=True))
        page: Page[UserSoftware] = _NEWEST.read(self._database, query, page_query)
        return Page(self._with_uses(page.rows), page.next)

    def _with_uses(self, rows: list[UserSoftware]) -> list[OverseenVersion]:
        with self._database.session() as session:
            counts = select(SoftwareUse.software, func.sum(SoftwareUse.uses))
            counts = counts.where(SoftwareUse.software.in_({row.family for row in rows}))
            grouped = session.execute(counts.group_by(SoftwareUse.software))
            uses = {family_id: int(count or 0) for family_id, count in grouped}
            images = {image_of(row) for row in rows}
            rejections = session.scalars(select(ImageVerdict).where(ImageVerdict.image.in_(images)))
            verdicts = {verdict.image: verdict for verdict in rejections}
        return [
            OverseenVersion(
                row, image_of(row), uses.get(row.family, 0), verdicts.get(image_of(row))
            )
            for row in rows
        ]

    def find(self, version_id: str) -> UserSoftware:
        """A version.

        Raises:
            NotFound: there is no such version.
        """
        with self._database.session() as session:
            return _found(session.get(UserSoftware, version_id))

    def set_block(self, version_id: str, reason: str | None) -> UserSoftware:
        """Let a version be started no more, and tell its owner why; None lets it again.

        Raises:
            NotFound: there is no such version.
        """
        with self._database.session() as session:
            row = _found(session.get(UserSoftware, version_id))
            row.blocked = reason
        return row

    def delete(self, version_id: str) -> UserSoftware:
        """Delete a version; tasks that run go on.

        Raises:
            NotFound: there is no such version.
        """
        with self._database.session() as session:
            row = _found(session.get(UserSoftware, version_id))
            delete_rows(session, [row])
        return row


def _found(row: UserSoftware | None) -> UserSoftware:
    if row is None:
        raise NotFound("There is no such software. It may have been deleted.")
    return row
