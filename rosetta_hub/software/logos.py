"""Pictures of software families, in the database."""

import hashlib
from collections.abc import Set

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.database.database import Database
from rosetta_hub.database.models_software import SoftwareLogo
from rosetta_hub.errors import NotFound
from rosetta_hub.software.logo_format import check_logo
from rosetta_hub.software.records import find_family
from rosetta_hub.software.rules import check_may_add
from rosetta_hub.software.settings import UserSoftwareRules


class Logos:
    """Reads and changes the pictures of users' families; who sees a family sees its picture."""

    def __init__(self, database: Database, rules: UserSoftwareRules) -> None:
        self._database = database
        self._rules = rules

    def find(self, user: User, family_id: str) -> SoftwareLogo:
        """The picture of a family.

        Raises:
            NotFound: the user sees no such family, or it has none.
        """
        with self._database.session() as session:
            find_family(session, user, family_id)
            logo = session.get(SoftwareLogo, family_id)
        if logo is None:
            raise NotFound("This software has no logo.")
        return logo

    def set(self, user: User, family_id: str, content: bytes) -> None:
        """Give a family a picture.

        Raises:
            NotFound: the user sees no such family.
            NotAllowed: the user may not add software.
            InvalidOptions: see `check_logo`.
        """
        with self._database.session() as session:
            find_family(session, user, family_id)
            check_may_add(user, self._rules)
            kind, digest = check_logo(content), hashlib.sha256(content).hexdigest()
            session.merge(
                SoftwareLogo(family=family_id, media_type=kind, content=content, digest=digest)
            )

    def delete(self, user: User, family_id: str) -> None:
        """Let a family show its first letter again.

        Raises:
            NotFound, NotAllowed: see `set`.
        """
        with self._database.session() as session:
            find_family(session, user, family_id)
            check_may_add(user, self._rules)
            session.execute(delete(SoftwareLogo).where(SoftwareLogo.family == family_id))


def digests_of_logos(session: Session, families: Set[str]) -> dict[str, str]:
    """The digests of the families' pictures; families without one are left out."""
    query = select(SoftwareLogo.family, SoftwareLogo.digest).where(
        SoftwareLogo.family.in_(families)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def copy_logo(session: Session, source: str, target: str) -> None:
    """Give a new family the picture of another one, if that has one."""
    logo = session.get(SoftwareLogo, source)
    if logo is not None and source != target:
        session.add(
            SoftwareLogo(
                family=target, media_type=logo.media_type, content=logo.content, digest=logo.digest
            )
        )
