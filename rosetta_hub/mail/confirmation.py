"""Mail addresses that users give: each counts once its owner has used the link in a mail."""

import secrets
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from rosetta_hub.catalogue.units import format_duration
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_mail import MailConfirmation
from rosetta_hub.errors import Conflict, LimitReached
from rosetta_hub.keys import Keys, digest
from rosetta_hub.mail import account_mails
from rosetta_hub.mail.preferences import read_preferences, write_preferences
from rosetta_hub.mail_addresses import default_address
from rosetta_hub.users.emails import emails_of_user, normalise_email

# How long a link can be used.
LIFETIME = timedelta(hours=24)
# A user sends strangers no more than so many of our mails, in that time.
MOST_MAILS = 5
PERIOD = timedelta(days=1)


class MailAddresses:
    """The address of each user for mails about tasks.

    An address counts without a mail where it is the one that the administrator gives by
    `c.Rosetta.mail_domain`, or one that the user has verified at sign-in.
    """

    def __init__(self, database: Database, settings: Rosetta, keys: Keys) -> None:
        self._database = database
        self._settings = settings
        self._keys = keys

    def pending(self, user: str) -> str | None:
        """The address that waits for its owner; None where none does."""
        with self._database.session() as session:
            row = session.get(MailConfirmation, user)
            waits = row is not None and row.digest is not None and row.expires > utc_now()
            return row.address if row is not None and waits else None

    def choose(self, session: Session, user: str, address: str | None) -> str | None:
        """Use an address as far as it is confirmed; returns the one that counts now.

        For any other address a mail with a link is queued; until the link is used, the present
        address stays.

        Raises:
            Conflict: the hub sends no mails.
            LimitReached: the user has had too many such mails sent.
        """
        domain = str(self._settings.mail_domain)
        present = read_preferences(session, user, domain).address
        if address is None or address == present or self._is_known(session, user, address):
            row = session.get(MailConfirmation, user)
            if row is not None:
                # The user has decided otherwise; the count goes on.
                row.digest = None
            return address
        self._send(session, user, address)
        return present

    def confirm(self, user: str, code: str) -> str:
        """Use the address that the code was sent to; returns it. A code works once.

        Raises:
            Conflict: the code is wrong, old, used, replaced by a newer one, or another user's.
        """
        with self._database.session() as session:
            row = session.get(MailConfirmation, user)
            good = row is not None and row.digest == digest(code) and row.expires > utc_now()
            if row is None or not good:
                raise Conflict(
                    "This link does not work any more, or belongs to another user. Log in as the"
                    " user who gave the address, or have a new link sent on the page Account."
                )
            row.digest = None
            preferences = read_preferences(session, user, str(self._settings.mail_domain))
            write_preferences(session, user, replace(preferences, address=row.address))
            return row.address

    def delete_user(self, user: str) -> None:
        """Forget what a user has not confirmed, and mails to the user that are on their way."""
        with self._database.session() as session:
            account_mails.delete_user(session, user)
            session.execute(delete(MailConfirmation).where(MailConfirmation.user == user))

    def _is_known(self, session: Session, user: str, address: str) -> bool:
        if address == default_address(user, str(self._settings.mail_domain)):
            return True
        verified = {row.address for row in emails_of_user(session, user)}
        return normalise_email(address) in verified

    def _send(self, session: Session, user: str, address: str) -> None:
        settings, now = self._settings, utc_now()
        if not settings.mail_available:
            raise Conflict("This hub sends no mails, so an address can't be confirmed.")
        row = session.get(MailConfirmation, user)
        if row is None or row.since < now - PERIOD:
            row = MailConfirmation(user=user, mails=0, since=now)
        if row.mails >= MOST_MAILS:
            raise LimitReached(
                f"{MOST_MAILS} mails were sent to confirm addresses today. Look for them, also"
                " among spam, or try again tomorrow."
            )
        code = secrets.token_urlsafe(32)
        row.address, row.digest, row.expires = address, digest(code), now + LIFETIME
        row.mails += 1
        session.merge(row)
        context = {
            "link": f"{settings.hub_origin}{settings.service_prefix}account/confirm?code={code}",
            "lifetime": format_duration(int(LIFETIME.total_seconds())),
        }
        account_mails.queue(session, self._keys, "address", address, context, user, row.expires)
