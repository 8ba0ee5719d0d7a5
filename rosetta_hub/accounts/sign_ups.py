"""Sign-ups: an address, then its proof, then a name and a password, then perhaps an approval."""

import secrets
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from rosetta_hub.accounts import password_records
from rosetta_hub.accounts.errors import AddressTaken, LinkInvalid, NameTaken
from rosetta_hub.accounts.invitations import take_use
from rosetta_hub.accounts.one_time_links import new_token
from rosetta_hub.accounts.ownership import is_reserved
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_local import SignUp
from rosetta_hub.errors import NotFound
from rosetta_hub.keys import digest
from rosetta_hub.users.emails import normalise_email, users_of_email

LIFETIME = timedelta(hours=24)


def begin(session: Session, address: str | None, invitation: str | None = None) -> str:
    """The token that goes on with a sign-up, by whoever gets it; nothing is reserved.

    Without an address (there is no mail server) it is for the browser that has the invitation.
    """
    token, now = new_token(), utc_now()
    session.execute(delete(SignUp).where(SignUp.expires < now, SignUp.confirmed_at.is_(None)))
    session.add(
        SignUp(
            id=secrets.token_hex(16),
            address=address and normalise_email(address),
            digest=digest(token),
            invitation=invitation,
            created=now,
            expires=now + LIFETIME,
        )
    )
    return token


def find(session: Session, token: str) -> SignUp:
    """The sign-up that a token proves.

    Raises:
        LinkInvalid: there is none, or none any more.
    """
    row = session.scalar(
        select(SignUp).where(
            SignUp.digest == digest(token),
            SignUp.confirmed_at.is_(None),
            SignUp.expires > utc_now(),
        )
    )
    if row is None:
        raise LinkInvalid
    return row


def confirm(
    session: Session, token: str, name: str, hashed: str, approval: bool
) -> tuple[SignUp, bool]:
    """Give the sign-up its name and password; returns whether the account is ready.

    With `approval` it waits, and is kept as the row that is returned. An invitation takes the
    place of the approval. All other sign-ups of the address are over.

    Raises:
        LinkInvalid: the token or its invitation does not work any more.
        NameTaken, AddressTaken: they are somebody's; the token can be used again.
    """
    row = find(session, token)
    # One statement decides: of two requests at once one comes too late. It comes first, so that the
    # late request does not find the other's account; a refusal below takes it back.
    mine = (SignUp.id == row.id, SignUp.confirmed_at.is_(None))
    changed = session.execute(update(SignUp).where(*mine).values(confirmed_at=utc_now()))
    if not changed.rowcount:  # type: ignore[attr-defined]
        raise LinkInvalid
    _refuse_taken(session, row, name)
    session.refresh(row)
    if row.invitation:
        take_use(session, row.invitation)
    _end_others(session, row)
    row.name, row.hash, row.digest, row.expires = name, hashed, None, None
    session.flush()
    ready = not approval or row.invitation is not None
    if ready:
        _create(session, row, name)
    return row, ready


def waiting(session: Session) -> list[SignUp]:
    """Those who wait for an administrator, oldest first."""
    query = select(SignUp).where(SignUp.confirmed_at.is_not(None))
    return list(session.scalars(query.order_by(SignUp.confirmed_at)))


def find_waiting(session: Session, sign_up_id: str) -> SignUp:
    """Somebody who waits.

    Raises:
        NotFound: nobody does, any more.
    """
    row = session.get(SignUp, sign_up_id)
    if row is None or row.confirmed_at is None:
        raise NotFound("Nobody waits with this sign-up. It may have been decided already.")
    return row


def address_waits(session: Session, address: str) -> bool:
    """Whether somebody waits with that address."""
    query = select(SignUp.id).where(
        SignUp.address == normalise_email(address), SignUp.confirmed_at.is_not(None)
    )
    return session.scalar(query.limit(1)) is not None


def approve(session: Session, sign_up_id: str) -> SignUp:
    """Make the account of somebody who waits.

    Raises:
        NotFound: nobody waits, any more.
        NameTaken, AddressTaken: they have become somebody's meanwhile.
    """
    row = find_waiting(session, sign_up_id)
    _refuse_taken(session, row, str(row.name))
    _create(session, row, str(row.name))
    return row


def refuse(session: Session, sign_up_id: str) -> SignUp:
    """Delete the sign-up of somebody who waits.

    Raises:
        NotFound: nobody waits, any more.
    """
    row = find_waiting(session, sign_up_id)
    session.delete(row)
    return row


def _create(session: Session, row: SignUp, name: str) -> None:
    password_records.create(session, name, str(row.hash), row.address)
    session.delete(row)


def _refuse_taken(session: Session, row: SignUp, name: str) -> None:
    rival = select(SignUp.id).where(SignUp.name == name, SignUp.id != row.id)
    if is_reserved(session, name) or session.scalar(rival.limit(1)) is not None:
        raise NameTaken
    if row.address is None:
        return
    same = (SignUp.address == row.address, SignUp.id != row.id, SignUp.confirmed_at.is_not(None))
    waits = session.scalar(select(SignUp.id).where(*same).limit(1)) is not None
    if waits or users_of_email(session, row.address):
        raise AddressTaken


def _end_others(session: Session, row: SignUp) -> None:
    if row.address:
        others = (SignUp.address == row.address, SignUp.id != row.id)
        session.execute(delete(SignUp).where(*others, SignUp.confirmed_at.is_(None)))
