"""The rows of users' software, as a user may see them."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.software_owner import SoftwareOwner
from rosetta_hub.database.models_software import OwnerKind, SoftwareLogo, UserSoftware
from rosetta_hub.errors import ChangedMeanwhile, NotFound

ABSENT = "There is no such software of yours or of your groups. It may have been deleted."


class VersionChanged(ChangedMeanwhile):
    """Somebody else has changed a version since it was read; `row` is the present one.

    What the second editor wanted is not lost: it is not stored, and the answer has both.
    """

    def __init__(self, row: UserSoftware) -> None:
        name, when = row.entry["name"], f"{row.updated:%Y-%m-%d %H:%M} UTC"
        super().__init__(
            f"{name} was changed by {row.updated_by} meanwhile ({when}). Look at the present"
            " version, and save again what you still want."
        )
        self.row = row


def visible_to(user: User) -> ColumnElement[bool]:
    """The condition: the user's own, and what is shared with the user's groups; admins, too."""
    own = and_(UserSoftware.owner_kind == OwnerKind.USER, UserSoftware.owner == user.name)
    if not user.groups:
        return own
    shared = UserSoftware.owner.in_(sorted(user.groups))
    return or_(own, and_(UserSoftware.owner_kind == OwnerKind.GROUP, shared))


def rows_of(session: Session, user: User) -> list[UserSoftware]:
    """What the user sees: own software first, then by group; newest version of a family first."""
    order = (UserSoftware.owner_kind.desc(), UserSoftware.owner, UserSoftware.created.desc())
    query = select(UserSoftware).where(visible_to(user)).order_by(*order, UserSoftware.id)
    return list(session.scalars(query))


def find_row(session: Session, user: User, version_id: str) -> UserSoftware:
    """The version.

    Raises:
        NotFound: there is none that the user sees.
    """
    row = session.scalar(
        select(UserSoftware).where(UserSoftware.id == version_id, visible_to(user))
    )
    if row is None:
        raise NotFound(ABSENT)
    return row


def find_family(session: Session, user: User, family_id: str) -> list[UserSoftware]:
    """The versions of a family, the newest first.

    Raises:
        NotFound: there is no such family that the user sees.
    """
    query = select(UserSoftware).where(UserSoftware.family == family_id, visible_to(user))
    rows = list(session.scalars(query.order_by(UserSoftware.created.desc())))
    if not rows:
        raise NotFound(ABSENT)
    return rows


def rows_of_owner(session: Session, owner: SoftwareOwner) -> list[UserSoftware]:
    """All versions of one owner."""
    query = select(UserSoftware).where(_is_of(owner)).order_by(UserSoftware.created.desc())
    return list(session.scalars(query))


def count_of_owner(session: Session, owner: SoftwareOwner) -> int:
    """How many versions an owner has."""
    query = select(func.count()).select_from(UserSoftware).where(_is_of(owner))
    return session.scalar(query) or 0


def delete_rows(session: Session, rows: Sequence[UserSoftware]) -> None:
    """Delete versions, and what their families leave when no version is left."""
    for row in rows:
        session.delete(row)
    session.flush()
    remaining = select(UserSoftware.family)
    families = {row.family for row in rows}
    session.execute(
        delete(SoftwareLogo).where(
            SoftwareLogo.family.in_(families), SoftwareLogo.family.not_in(remaining)
        )
    )


def _is_of(owner: SoftwareOwner) -> ColumnElement[bool]:
    kind = OwnerKind(owner.kind)
    return and_(UserSoftware.owner_kind == kind, UserSoftware.owner == owner.name)
