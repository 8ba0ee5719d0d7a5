"""Logins that lead to users: the key is issuer and subject, never a name or an e-mail address."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_logins import LoginLink
from rosetta_hub.errors import Conflict, NotFound

# `LoginLink.linked_by`: the first login of a user, one by a verified address, one by the user.
SIGN_UP = "sign-up"
BY_EMAIL = "email"
BY_USER = "user"
# Followed by the name of the other user.
BY_MERGE = "merge "


@dataclass(frozen=True)
class Subject:
    """Whom an issuer knows: the same pair is the same user for ever."""

    issuer: str
    subject: str

    @property
    def key(self) -> str:
        """A digest of both, of a length that every database can index."""
        # Lengths keep ("a", "bc") apart from ("ab", "c").
        parts = f"{len(self.issuer)}:{self.issuer}{self.subject}"
        return hashlib.sha256(parts.encode()).hexdigest()


def find_link(session: Session, subject: Subject) -> LoginLink | None:
    """The link of a subject that is in force."""
    return session.scalar(select(LoginLink).where(LoginLink.active_key == subject.key))


def links_of_user(session: Session, user: str) -> list[LoginLink]:
    """The links of a user that are in force, oldest first."""
    query = select(LoginLink).where(LoginLink.user == user, LoginLink.active_key.is_not(None))
    return list(session.scalars(query.order_by(LoginLink.id)))


def was_unlinked(session: Session, subject: Subject, user: str) -> bool:
    """Whether somebody has unlinked the subject from the user: no address links it again."""
    query = select(LoginLink.id).where(
        LoginLink.issuer == subject.issuer,
        LoginLink.subject == subject.subject,
        LoginLink.user == user,
        LoginLink.unlinked_at.is_not(None),
    )
    return session.scalar(query.limit(1)) is not None


def add_link(
    session: Session,
    user: str,
    method: str,
    subject: Subject,
    linked_by: str,
    email: str | None = None,
    claims: Mapping[str, Any] | None = None,
) -> LoginLink:
    """Let a subject sign in as the user.

    Raises:
        Conflict: it signs in as somebody already.
    """
    if find_link(session, subject) is not None:
        raise Conflict("This login leads to another user already. Unlink it there first.")
    now = utc_now()
    link = LoginLink(
        user=user,
        method=method,
        issuer=subject.issuer,
        subject=subject.subject,
        active_key=subject.key,
        email=email,
        claims=dict(claims or {}),
        linked_at=now,
        linked_by=linked_by,
        last_ok=now,
    )
    session.add(link)
    session.flush()
    return link


def unlink(session: Session, user: str, link_id: int, last_ok: bool = False) -> LoginLink:
    """End a link of the user; the row stays, so that it can be linked again.

    The last one is kept unless `last_ok`: the user could not sign in any more.

    Raises:
        NotFound: the user has no such link.
        Conflict: it is the last one.
    """
    links = links_of_user(session, user)
    link = next((link for link in links if link.id == link_id), None)
    if link is None:
        raise NotFound("There is no such login. It may have been removed already.")
    if len(links) == 1 and not last_ok:
        raise Conflict(
            "This is the only login of your account. Add another one before you remove it."
        )
    link.active_key, link.unlinked_at = None, utc_now()
    session.flush()
    return link


def relink(session: Session, link: LoginLink) -> None:
    """Put a link in force again that was ended.

    Raises:
        Conflict: the subject signs in as another user by now.
    """
    subject = Subject(link.issuer, link.subject)
    if find_link(session, subject) is not None:
        raise Conflict("This login leads to another user by now. Unlink it there first.")
    link.active_key, link.unlinked_at = subject.key, None
    session.flush()
