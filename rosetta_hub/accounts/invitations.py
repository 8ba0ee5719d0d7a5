"""Invitations: for one address, or a link with a number of uses."""

import secrets
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from rosetta_hub.accounts.errors import LinkInvalid
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_local import Invitation, SignUp
from rosetta_hub.errors import NotFound
from rosetta_hub.keys import digest

DEFAULT_DAYS = 7
MAX_DAYS = 90
MAX_USES = 1000


def invite(
    session: Session, token: str, actor: str, days: int, uses: int = 1, address: str | None = None
) -> Invitation:
    """An invitation with the token of its link.

    For an address there is one use, and the sign-up exists already: its link proves the address.
    """
    now = utc_now()
    invitation = Invitation(
        id=secrets.token_hex(16),
        digest=digest(token),
        address=address,
        uses_left=1 if address else uses,
        created=now,
        created_by=actor,
        expires=now + timedelta(days=days),
    )
    session.add(invitation)
    if address:
        session.add(
            SignUp(
                id=secrets.token_hex(16),
                address=address,
                digest=digest(token),
                invitation=invitation.id,
                created=now,
                expires=invitation.expires,
            )
        )
    return invitation


def made_with(session: Session, token: str) -> Invitation | None:
    """The invitation of a link, whether it still works or not."""
    return session.scalar(select(Invitation).where(Invitation.digest == digest(token)))


def find_invitation(session: Session, token: str) -> Invitation:
    """The invitation of a link that still works.

    Raises:
        LinkInvalid: there is none.
    """
    row = session.scalar(
        select(Invitation).where(
            Invitation.digest == digest(token),
            Invitation.uses_left > 0,
            Invitation.expires > utc_now(),
        )
    )
    if row is None:
        raise LinkInvalid
    return row


def take_use(session: Session, invitation_id: str) -> None:
    """Use an invitation once; of two who share its last use, one comes too late.

    Raises:
        LinkInvalid: it was used up or withdrawn, or is too old.
    """
    changed = session.execute(
        update(Invitation)
        .where(
            Invitation.id == invitation_id,
            Invitation.uses_left > 0,
            Invitation.expires > utc_now(),
        )
        .values(uses_left=Invitation.uses_left - 1)
    )
    if not changed.rowcount:  # type: ignore[attr-defined]
        raise LinkInvalid


def open_invitations(session: Session) -> list[Invitation]:
    """Those that can still be used, newest first."""
    query = select(Invitation).where(Invitation.uses_left > 0, Invitation.expires > utc_now())
    return list(session.scalars(query.order_by(Invitation.created.desc())))


def withdraw(session: Session, invitation_id: str) -> Invitation:
    """End an invitation, with the sign-ups that came by it and have no account yet.

    Raises:
        NotFound: there is none.
    """
    row = session.get(Invitation, invitation_id)
    if row is None:
        raise NotFound("There is no such invitation. It may have been withdrawn already.")
    session.execute(delete(SignUp).where(SignUp.invitation == invitation_id))
    session.delete(row)
    return row
