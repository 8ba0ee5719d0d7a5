"""Who is who: which user of the hub a subject signs in as.

The key is issuer and subject, never a name. In this order: the subject has a link; a user who is
logged in asks for it (`Intent`); a verified address of a method that is trusted with it is one that
exactly one user has verified; it is somebody new. A name that is taken is never taken over.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rosetta_hub.accounts.links import (
    BY_EMAIL,
    BY_USER,
    SIGN_UP,
    Subject,
    add_link,
    find_link,
    links_of_user,
    was_unlinked,
)
from rosetta_hub.accounts.ownership import adopt_rows, delete_rows, is_reserved, is_same_time
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_logins import LoginLink
from rosetta_hub.database.models_user import HubUser, UserState
from rosetta_hub.errors import NotAllowed
from rosetta_hub.users.emails import replace_method_email, users_of_email

# Names that are tried for somebody new: `alice`, `alice-2`, …
_MOST_NAMES = 100

# When the hub created the user of a name; None where it has none.
FindCreated = Callable[[str], datetime | None]


@dataclass(frozen=True)
class Claimant:
    """Somebody who has signed in with a method; `email` only if it is verified and trusted."""

    method: str
    subject: Subject
    name: str
    email: str | None = None
    shown_email: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    adopts_users: bool = False


@dataclass(frozen=True)
class Decision:
    """The user, and the link if it is new; `other` is whose the subject is, where that differs.

    `created` is when the hub created the user; None where it has to.
    """

    user: str
    created: datetime | None
    link_id: int
    linked_by: str | None = None
    other: str | None = None
    # Whether another login than this one has made the user an administrator.
    is_admin_elsewhere: bool = False


def decide(
    session: Session, claimant: Claimant, find_created: FindCreated, intent: str | None = None
) -> Decision:
    """Find the user, and note what was learnt; `intent` is the user who asked for a link.

    Raises:
        NotAllowed: the user is blocked, or the name can't be had.
    """
    link = _valid_link(session, claimant, find_created)
    linked_by = None
    if link is None:
        user, linked_by = _choose_user(session, claimant, find_created, intent)
        link = add_link(
            session,
            user,
            claimant.method,
            claimant.subject,
            linked_by,
            claimant.shown_email,
            claimant.claims,
        )
    elif intent is not None and link.user != intent:
        return Decision(link.user, find_created(link.user), link.id, other=link.user)
    created = find_created(link.user)
    _check_state(session, link.user, created)
    link.last_ok, link.email, link.claims = utc_now(), claimant.shown_email, dict(claimant.claims)
    if created is not None:
        adopt_rows(session, link.user, created)
    replace_method_email(session, link.user, claimant.method, claimant.email)
    elsewhere = _is_admin_elsewhere(session, link)
    return Decision(link.user, created, link.id, linked_by, is_admin_elsewhere=elsewhere)


def _is_admin_elsewhere(session: Session, link: LoginLink) -> bool:
    """Whether another login of the user's says that the user is an administrator."""
    return any(
        other.claims.get("admin") is True
        for other in links_of_user(session, link.user)
        if other.id != link.id
    )


def note_refresh(session: Session, claimant: Claimant, user: str) -> None:
    """Note what a method says now of a user who is logged in by it."""
    link = find_link(session, claimant.subject)
    if link is None or link.user != user:
        raise NotAllowed("The login that you have used was removed from your account.")
    link.last_ok, link.email, link.claims = utc_now(), claimant.shown_email, dict(claimant.claims)
    replace_method_email(session, user, claimant.method, claimant.email)


def check_active(session: Session, user: str) -> None:
    """Let nobody in who is blocked.

    Raises:
        NotAllowed: the user is.
    """
    row = session.get(HubUser, user)
    if row is not None and row.state is UserState.BLOCKED:
        raise NotAllowed("This account is blocked. Ask the administrator of the hub.")


def _check_state(session: Session, user: str, created: datetime | None) -> None:
    row = session.get(HubUser, user)
    # The block of a former user of that name is not the next one's.
    if row is not None and (row.created is None or is_same_time(row.created, created)):
        check_active(session, user)


def _valid_link(
    session: Session, claimant: Claimant, find_created: FindCreated
) -> LoginLink | None:
    """The subject's link, unless its user is not there any more; then all of that user goes."""
    link = find_link(session, claimant.subject)
    if link is None:
        return None
    created = find_created(link.user)
    if link.user_created is None:
        if created is not None and link.linked_by == SIGN_UP and created < link.linked_at:
            raise NotAllowed(
                f"The name {link.user!r} belongs to another user of the hub. Ask the administrator."
            )
        return link
    if is_same_time(link.user_created, created):
        return link
    user = link.user
    if created is None:
        delete_rows(session, user)
    else:
        adopt_rows(session, user, created)
    session.flush()
    session.expire_all()
    return None


def _choose_user(
    session: Session, claimant: Claimant, find_created: FindCreated, intent: str | None
) -> tuple[str, str]:
    """The user for a subject without a link, and `LoginLink.linked_by`."""
    if intent is not None:
        return intent, BY_USER
    if claimant.email is not None and (user := _user_of_email(session, claimant, find_created)):
        return user, BY_EMAIL
    if claimant.adopts_users and _is_unclaimed(session, claimant.name, find_created):
        return claimant.name, SIGN_UP
    return _free_name(session, claimant.name, find_created), SIGN_UP


def _user_of_email(session: Session, claimant: Claimant, find_created: FindCreated) -> str | None:
    users = users_of_email(session, claimant.email or "")
    if len(users) != 1 or was_unlinked(session, claimant.subject, users[0]):
        return None
    (user,) = users
    created = find_created(user)
    if created is None:
        # Verified, but has never signed in: the name is kept for whoever did.
        return user if is_reserved(session, user) else None
    adopt_rows(session, user, created)
    return user if users_of_email(session, claimant.email or "") == [user] else None


def _is_unclaimed(session: Session, name: str, find_created: FindCreated) -> bool:
    """Whether the hub has the user, and nobody signs in as this user."""
    created = find_created(name)
    if created is None:
        return False
    adopt_rows(session, name, created)
    return session.scalar(select(LoginLink.id).where(LoginLink.user == name).limit(1)) is None


def _free_name(session: Session, name: str, find_created: FindCreated) -> str:
    """The name, or one with a number, that neither the hub nor an account has.

    Raises:
        NotAllowed: there is none.
    """
    for number in range(1, _MOST_NAMES + 1):
        candidate = name if number == 1 else f"{name}-{number}"
        if find_created(candidate) is None and not is_reserved(session, candidate):
            # What a former user of that name has left.
            delete_rows(session, candidate)
            return candidate
    raise NotAllowed(f"No name like {name!r} is free. Ask the administrator of the hub.")
