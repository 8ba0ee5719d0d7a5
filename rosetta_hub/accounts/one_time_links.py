"""Links that act for a user, once."""

import secrets
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from rosetta_hub.accounts.errors import LinkInvalid
from rosetta_hub.accounts.ownership import created_of
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_local import OneTimeToken, TokenPurpose
from rosetta_hub.keys import digest


def new_token() -> str:
    """32 random bytes, fit for a URL."""
    return secrets.token_urlsafe(32)


def issue(session: Session, purpose: TokenPurpose, user: str, lifetime: timedelta) -> str:
    """A token that acts for a user until it is used, or too old, or followed by another one."""
    session.execute(
        delete(OneTimeToken).where(OneTimeToken.user == user, OneTimeToken.purpose == purpose)
    )
    token, now = new_token(), utc_now()
    row = OneTimeToken(
        digest=digest(token), purpose=purpose, user=user, created=now, expires=now + lifetime
    )
    row.user_created = created_of(session, user)
    session.add(row)
    return token


def look_up(session: Session, token: str) -> OneTimeToken:
    """Whose token it is, and what it does; it stays unused.

    Raises:
        LinkInvalid: it does not work, or not any more.
    """
    row = session.scalar(select(OneTimeToken).where(*_valid(token)))
    if row is None:
        raise LinkInvalid
    return row


def use(session: Session, token: str) -> OneTimeToken:
    """The token's row; nobody can use it again once the transaction is over.

    Raises:
        LinkInvalid: it does not work, or not any more.
    """
    # One statement decides: of two requests at once one finds it used.
    changed = session.execute(update(OneTimeToken).where(*_valid(token)).values(used_at=utc_now()))
    row = session.get(OneTimeToken, digest(token))
    if not changed.rowcount or row is None:  # type: ignore[attr-defined]
        raise LinkInvalid
    return row


def revoke(session: Session, user: str) -> None:
    """Delete all tokens of a user."""
    session.execute(delete(OneTimeToken).where(OneTimeToken.user == user))


def _valid(token: str) -> tuple[ColumnElement[bool], ...]:
    return (
        OneTimeToken.digest == digest(token),
        OneTimeToken.used_at.is_(None),
        OneTimeToken.expires > utc_now(),
    )
