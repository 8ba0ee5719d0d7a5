"""Password records of local accounts: whose they are, and what becomes of them."""

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from rosetta_hub.accounts import one_time_links
from rosetta_hub.accounts.errors import AddressTaken, NameTaken
from rosetta_hub.accounts.links import BY_USER, SIGN_UP, Subject, add_link, find_link, links_of_user
from rosetta_hub.accounts.names import normalise_name
from rosetta_hub.accounts.ownership import created_of
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_local import Password
from rosetta_hub.errors import Conflict
from rosetta_hub.users.emails import BY_MAIL, add_email

# The id of the login method, and the issuer of its subjects.
LOCAL = "local"


def subject_of(password: Password) -> Subject:
    """Whom the local accounts know by this password."""
    return Subject(LOCAL, password.id)


def find_password(session: Session, login: str) -> Password | None:
    """The account with that name; None where its login has been removed from its user."""
    name = normalise_name(login)
    row = session.scalar(select(Password).where(Password.login == name))
    if row is None or (link := find_link(session, subject_of(row))) is None:
        return None
    if (row.user, row.user_created) != (link.user, link.user_created):
        # Two users have become one: the link leads to the one that is left.
        row.user, row.user_created = link.user, link.user_created
    return row


def passwords_of(session: Session, user: str) -> list[Password]:
    """The local accounts that lead to a user: none where the user signs in otherwise."""
    subjects = [link.subject for link in links_of_user(session, user) if link.method == LOCAL]
    return list(session.scalars(select(Password).where(Password.id.in_(subjects))))


def create(
    session: Session,
    name: str,
    hashed: str,
    address: str | None = None,
    make_admin: bool = False,
) -> Password:
    """A new account, which becomes a user of the hub at its first login.

    Raises:
        NameTaken, AddressTaken: they are somebody's.
    """
    if session.scalar(select(Password.id).where(Password.login == name)) is not None:
        raise NameTaken
    row = Password(
        id=secrets.token_hex(16),
        login=name,
        hash=hashed,
        user=name,
        changed=utc_now(),
        make_admin=make_admin,
    )
    session.add(row)
    session.flush()
    add_link(session, name, LOCAL, subject_of(row), SIGN_UP, address)
    if address and not add_email(session, name, address, BY_MAIL):
        raise AddressTaken
    return row


def set_password(session: Session, user: str, hashed: str) -> None:
    """Replace a user's passwords, or give the user the first one. One-time links end.

    Raises:
        Conflict: the user has none, and another account has the user's name.
    """
    rows = passwords_of(session, user)
    for row in rows:
        row.hash, row.changed = hashed, utc_now()
    if not rows:
        _add_first(session, user, hashed)
    one_time_links.revoke(session, user)


def _add_first(session: Session, user: str, hashed: str) -> None:
    if session.scalar(select(Password.id).where(Password.login == user)) is not None:
        raise Conflict("A local account with your name exists already.")
    row = Password(id=secrets.token_hex(16), login=user, hash=hashed, user=user, changed=utc_now())
    row.user_created = created_of(session, user)
    session.add(row)
    session.flush()
    add_link(session, user, LOCAL, subject_of(row), BY_USER)
