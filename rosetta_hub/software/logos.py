"""Pictures of cards, in the database."""

import hashlib
from collections.abc import Set

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.database.database import Database
from rosetta_hub.database.models_software import SoftwareLogo
from rosetta_hub.errors import NotFound
from rosetta_hub.software.logo_format import check_logo
from rosetta_hub.software.records import find_card
from rosetta_hub.software.rules import check_may_add
from rosetta_hub.software.settings import UserSoftwareRules


class Logos:
    """Reads and changes the pictures of users' cards; who sees a card sees its picture."""

    def __init__(self, database: Database, rules: UserSoftwareRules) -> None:
        self._database = database
        self._rules = rules

    def find(self, user: User, card: str) -> SoftwareLogo:
        """The picture of a card.

        Raises:
            NotFound: the user sees no such card, or it has none.
        """
        with self._database.session() as session:
            find_card(session, user, card)
            logo = session.get(SoftwareLogo, card)
        if logo is None:
            raise NotFound("This software has no logo.")
        return logo

    def set(self, user: User, card: str, content: bytes) -> None:
        """Give a card a picture.

        Raises:
            NotFound: the user sees no such card.
            NotAllowed: the user may not add software.
            InvalidOptions: see `check_logo`.
        """
        with self._database.session() as session:
            find_card(session, user, card)
            check_may_add(user, self._rules)
            kind, digest = check_logo(content), hashlib.sha256(content).hexdigest()
            session.merge(SoftwareLogo(card=card, media_type=kind, content=content, digest=digest))

    def delete(self, user: User, card: str) -> None:
        """Let a card show its first letter again.

        Raises:
            NotFound, NotAllowed: see `set`.
        """
        with self._database.session() as session:
            find_card(session, user, card)
            check_may_add(user, self._rules)
            session.execute(delete(SoftwareLogo).where(SoftwareLogo.card == card))


def digests_of_logos(session: Session, cards: Set[str]) -> dict[str, str]:
    """The digests of the cards' pictures; cards without one are left out."""
    query = select(SoftwareLogo.card, SoftwareLogo.digest).where(SoftwareLogo.card.in_(cards))
    return {row[0]: row[1] for row in session.execute(query)}


def copy_logo(session: Session, source: str, target: str) -> None:
    """Give a new card the picture of another one, if that has one."""
    logo = session.get(SoftwareLogo, source)
    if logo is not None and source != target:
        session.add(
            SoftwareLogo(
                card=target, media_type=logo.media_type, content=logo.content, digest=logo.digest
            )
        )
