"""E-mail addresses that users have verified."""

import unicodedata

from sqlalchemy import select
from sqlalchemy.orm import Session

from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_logins import UserEmail

# `UserEmail.verified_by` of an address that was verified by a mail of ours.
BY_MAIL = "mail"


def normalise_email(address: str) -> str:
    """The address as it is compared: NFKC, case folded, without spaces around."""
    return unicodedata.normalize("NFKC", address).strip().casefold()


def users_of_email(session: Session, address: str) -> list[str]:
    """The users who have verified the address."""
    query = select(UserEmail.user).where(UserEmail.address == normalise_email(address))
    return list(session.scalars(query))


def emails_of_user(session: Session, user: str) -> list[UserEmail]:
    """The verified addresses of a user, the primary one first."""
    query = select(UserEmail).where(UserEmail.user == user)
    return list(session.scalars(query.order_by(UserEmail.primary.desc(), UserEmail.address)))


def add_email(session: Session, user: str, address: str, verified_by: str) -> bool:
    """Note that the user has verified the address; False where it is another user's.

    The first address of a user is the primary one.
    """
    normalised = normalise_email(address)
    if any(owner != user for owner in users_of_email(session, normalised)):
        return False
    primary = not emails_of_user(session, user)
    row = session.get(UserEmail, (user, normalised))
    if row is None:
        row = UserEmail(user=user, address=normalised, primary=primary)
        session.add(row)
    # A mail of ours is the better proof, which a method does not replace.
    if row.verified_by != BY_MAIL:
        row.verified_by, row.verified_at = verified_by, utc_now()
    session.flush()
    return True


def replace_method_email(session: Session, user: str, method: str, address: str | None) -> None:
    """Keep of the addresses that a method vouched for only the one that it vouches for now.

    An address that was given to somebody else at the provider must not lead to this user.
    """
    current = None if address is None else normalise_email(address)
    for row in emails_of_user(session, user):
        if row.verified_by == method and row.address != current:
            session.delete(row)
    session.flush()
    if current is not None:
        add_email(session, user, current, method)
