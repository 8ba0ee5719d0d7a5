"""Two users who are one person: the logins of one lead to the other from then on.

Tasks, files and settings stay with the user whose they are: on a resource they belong to an account
of that name. That user is blocked, and can be separated again.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from rosetta_hub.accounts.links import (
    BY_MERGE,
    Subject,
    add_link,
    links_of_user,
    relink,
    unlink,
)
from rosetta_hub.database.models_logins import LoginLink
from rosetta_hub.database.models_user import HubUser, UserState
from rosetta_hub.errors import Conflict, NotFound
from rosetta_hub.users.emails import add_email, emails_of_user


def merge_users(session: Session, into: str, other: str) -> None:
    """Have all logins of `other` lead to `into`, and block `other`.

    Raises:
        Conflict: both are the same, or `other` has no login.
    """
    links = links_of_user(session, other)
    if into == other or not links:
        raise Conflict("These two accounts can't be merged.")
    created = next((link.user_created for link in links_of_user(session, into)), None)
    for link in links:
        unlink(session, other, link.id, last_ok=True)
        subject = Subject(link.issuer, link.subject)
        moved = add_link(
            session, into, link.method, subject, BY_MERGE + other, link.email, link.claims
        )
        moved.user_created = created
    for row in emails_of_user(session, other):
        address, verified_by = row.address, row.verified_by
        session.delete(row)
        session.flush()
        add_email(session, into, address, verified_by)
    _set_state(session, other, UserState.BLOCKED)


def merged_users(session: Session, into: str) -> list[str]:
    """The users whose logins lead to `into`."""
    links = links_of_user(session, into)
    names = {link.linked_by.removeprefix(BY_MERGE) for link in links if _is_merged(link)}
    return sorted(names)


def separate_users(session: Session, into: str, other: str) -> None:
    """Give `other` the logins back that were merged, and let `other` in again.

    Verified addresses stay with `into`; their logins verify them again.

    Raises:
        NotFound: they were not merged.
    """
    moved = [link for link in links_of_user(session, into) if link.linked_by == BY_MERGE + other]
    if not moved:
        raise NotFound("There is no such account. It may have been separated already.")
    for link in moved:
        unlink(session, into, link.id, last_ok=True)
        former = session.scalars(
            select(LoginLink)
            .where(
                LoginLink.user == other,
                LoginLink.issuer == link.issuer,
                LoginLink.subject == link.subject,
            )
            .order_by(LoginLink.id.desc())
        ).first()
        if former is not None:
            relink(session, former)
    _set_state(session, other, UserState.ACTIVE)


def _is_merged(link: LoginLink) -> bool:
    return link.linked_by.startswith(BY_MERGE)


def _set_state(session: Session, user: str, state: UserState) -> None:
    row = session.get(HubUser, user)
    if row is None:
        row = HubUser(name=user, created=None)
        session.add(row)
    row.state = state
    session.flush()
