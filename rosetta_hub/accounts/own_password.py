"""A user's own password, for whoever is logged in."""

import asyncio
from functools import partial

from sqlalchemy.orm import Session

from rosetta_hub.accounts import password_records
from rosetta_hub.accounts.errors import PasswordRefused
from rosetta_hub.accounts.local import LocalAccounts
from rosetta_hub.accounts.login_throttle import LoginAttempt, LoginThrottle
from rosetta_hub.accounts.reset_flow import ResetFlow, tell_changed
from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.database.models_local import Password, TokenPurpose
from rosetta_hub.errors import Conflict
from rosetta_hub.users.emails import emails_of_user


class OwnPassword:
    """Changes the password of one who knows it, and mails a link to one who has none."""

    def __init__(self, local: LocalAccounts) -> None:
        self._local = local
        self._throttle = LoginThrottle(local.throttle)

    async def find(self, user: str) -> Password | None:
        """The user's local account; None where the user signs in otherwise."""
        rows = await self._local.transact(partial(password_records.passwords_of, user=user))
        return rows[0] if rows else None

    async def address_for_first(self, user: str) -> str | None:
        """The confirmed address to which a link for the first password can be mailed."""
        if not self._local.mail_available:
            return None
        emails = await self._local.transact(partial(emails_of_user, user=user))
        return emails[0].address if emails else None

    async def change(self, user: str, current: str, new: str, address: str) -> None:
        """Set another password; the caller ends the user's sessions. `address` is the client's.

        Raises:
            Conflict: the user has none.
            TooManyAttempts: as at a login.
            PasswordRefused: the present one is wrong, or the new one weak.
        """
        account = await self.find(user)
        if account is None:
            raise Conflict("Your account has no password. You log in another way.")
        attempt = LoginAttempt(account.login, address)
        delay = await self._local.run(partial(self._throttle.begin, attempt))
        await asyncio.sleep(delay)
        if not (await self._local.passwords.verify(account.hash, current)).right:
            raise PasswordRefused("The present password is wrong.")
        await self._local.run(partial(self._throttle.succeeded, attempt))
        emails = await self._local.transact(partial(emails_of_user, user=user))
        await self._local.passwords.check(new, [user, *(email.address for email in emails)])
        hashed = await self._local.passwords.hash(new)
        await self._local.transact(partial(self._change, user=user, hashed=hashed, address=address))

    def _change(self, session: Session, user: str, hashed: str, address: str) -> None:
        password_records.set_password(session, user, hashed)
        self._local.audit.record(
            AuditEvent.PASSWORD_CHANGE, user, user=user, address=address, session=session
        )
        tell_changed(self._local, session, user)

    async def mail_first(self, user: str) -> str:
        """Mail a link that sets the first password; returns the address.

        Whoever finds an open browser must not add a way in that stays.

        Raises:
            Conflict: there is a password already, or no confirmed address.
        """
        if await self.find(user) is not None:
            raise Conflict("Your account has a password. Change it with the present one.")
        address = await self.address_for_first(user)
        if address is None:
            raise Conflict("Confirm a mail address first: the link is sent to it.")
        if await self._local.run(partial(self._local.may_mail, "first", address)):
            flow = ResetFlow(self._local)
            await self._local.transact(
                partial(flow.mail_link, purpose=TokenPurpose.FIRST, user=user, address=address)
            )
        return address
