"""What the flows of local accounts share: settings, passwords, mails, and limits of attempts."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeVar

from sqlalchemy.orm import Session

from rosetta_hub.accounts.errors import TooManyAttempts
from rosetta_hub.accounts.mail_links import MailLinks
from rosetta_hub.accounts.one_time_links import new_token
from rosetta_hub.accounts.passwords import Passwords
from rosetta_hub.accounts.settings import LocalSettings
from rosetta_hub.accounts.throttle import Rule, Throttle, address_prefix
from rosetta_hub.audit.log import AuditLog
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.keys import Keys
from rosetta_hub.mail import account_mails
from rosetta_hub.users.emails import normalise_email
from rosetta_hub.users.idempotency import RequestAttempt

# Mails of one kind to one address; further ones are left out, and nobody is told.
MAILS = Rule("account mails", 4, timedelta(hours=1))
# What one client may ask the pages for.
REQUESTS = Rule("account pages", 30, timedelta(hours=1))

Result = TypeVar("Result")


class LocalAccounts:
    """The local accounts of a deployment: an instance each in the hub and in the service."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        settings: LocalSettings,
        hub_url: str,
        mail_available: bool,
        passwords: Passwords | None = None,
    ) -> None:
        self.database = database
        self.settings = settings
        self.mail_available = mail_available
        self.mail_links = MailLinks(hub_url)
        self.passwords = passwords or Passwords()
        self.throttle = Throttle(database)
        self.audit = AuditLog(database)
        self._keys = keys

    async def transact(self, work: Callable[[Session], Result]) -> Result:
        """Do something in a transaction, beside the event loop."""
        return await asyncio.to_thread(self._transact, work)

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do something with transactions of its own, beside the event loop."""
        return await asyncio.to_thread(work)

    def _transact(self, work: Callable[[Session], Result]) -> Result:
        with self.database.session() as session:
            return work(session)

    def invitation_token(self, attempt: RequestAttempt | None) -> str:
        """A token for an invitation's link; all attempts of a request have the same one."""
        return self._keys.invitation_token(attempt.seed) if attempt else new_token()

    def take_request(self, address: str) -> None:
        """Count a request of a client at `address`.

        Raises:
            TooManyAttempts: there were too many within the hour.
        """
        self.throttle.take(REQUESTS, address_prefix(address))

    def may_mail(self, kind: str, address: str) -> bool:
        """Count a mail to an address, and tell whether it may be sent: nobody is flooded.

        Kinds are counted each by itself, so that one can't be used to keep another from somebody.
        """
        try:
            self.throttle.take(MAILS, kind, normalise_email(address))
        except TooManyAttempts:
            return False
        return self.mail_available

    def queue_mail(
        self,
        session: Session,
        template: str,
        address: str,
        context: Mapping[str, str],
        *,
        user: str | None = None,
        lifetime: timedelta = account_mails.LIFETIME,
    ) -> None:
        """Queue a mail, where mails are sent at all; it is left out when its link is too old."""
        if self.mail_available:
            expires = utc_now() + min(lifetime, account_mails.LIFETIME)
            account_mails.queue(session, self._keys, template, address, context, user, expires)
