"""A forgotten password: a mailed link sets another one."""

from datetime import timedelta
from functools import partial

from sqlalchemy.orm import Session

from rosetta_hub.accounts import one_time_links, password_records
from rosetta_hub.accounts.errors import LinkInvalid
from rosetta_hub.accounts.local import LocalAccounts
from rosetta_hub.audit.log import SERVICE, AuditEvent
from rosetta_hub.catalogue.units import format_duration
from rosetta_hub.database.models_local import OneTimeToken, TokenPurpose
from rosetta_hub.database.models_user import HubUser, UserState
from rosetta_hub.users.emails import emails_of_user, users_of_email

LIFETIME = timedelta(minutes=30)
# Of a link that an administrator hands over.
HANDED_LIFETIME = timedelta(hours=24)


class ResetFlow:
    """Asking for a link, and using it. A page's answer never depends on who has which address."""

    def __init__(self, local: LocalAccounts) -> None:
        self._local = local

    async def request(self, address: str) -> None:
        """Mail a link to whoever has verified the address, or how that user logs in without one.

        The caller has answered before this is done.
        """
        if await self._local.run(partial(self._local.may_mail, "reset", address)):
            await self._local.transact(partial(self._mail, address=address))

    def _mail(self, session: Session, address: str) -> None:
        local = self._local
        for user in users_of_email(session, address):
            if is_blocked(session, user):
                continue
            if password_records.passwords_of(session, user):
                self.mail_link(session, TokenPurpose.RESET, user, address)
            else:
                context = {"link": local.mail_links.login}
                local.queue_mail(session, "no_password", address, context, user=user)

    def mail_link(self, session: Session, purpose: TokenPurpose, user: str, address: str) -> None:
        """Mail a link that sets a password of the user."""
        token = one_time_links.issue(session, purpose, user, LIFETIME)
        context = {
            "link": self._local.mail_links.new_password(token),
            "lifetime": format_duration(int(LIFETIME.total_seconds())),
        }
        self._local.queue_mail(session, "reset", address, context, user=user, lifetime=LIFETIME)

    async def look_up(self, token: str) -> OneTimeToken:
        """Whose password a link sets.

        Raises:
            LinkInvalid: it does not work, or not any more.
        """
        return await self._local.transact(partial(one_time_links.look_up, token=token))

    async def set_password(self, token: str, password: str, address: str | None) -> str:
        """Use a link; returns the user, whose sessions the caller ends.

        Raises:
            LinkInvalid: it does not work, or not any more.
            PasswordRefused: it can be used again.
        """
        local = self._local
        user = (await self.look_up(token)).user
        await local.passwords.check(password, [user])
        hashed = await local.passwords.hash(password)
        await local.transact(partial(self._set, token=token, hashed=hashed, address=address))
        return user

    def _set(self, session: Session, token: str, hashed: str, address: str | None) -> None:
        row = one_time_links.use(session, token)
        user = row.user
        if is_blocked(session, user):
            raise LinkInvalid
        if row.purpose is TokenPurpose.RESET and not password_records.passwords_of(session, user):
            # The login was removed meanwhile: a mail of before does not bring it back.
            raise LinkInvalid
        password_records.set_password(session, user, hashed)
        self._local.audit.record(
            AuditEvent.PASSWORD_RESET, user, user=user, address=address, session=session
        )
        tell_changed(self._local, session, user)

    def hand_over(self, session: Session, user: str) -> str:
        """A link that an administrator hands over to a user, also to set the first password."""
        token = one_time_links.issue(session, TokenPurpose.FIRST, user, HANDED_LIFETIME)
        self._local.audit.record(
            AuditEvent.PASSWORD_RESET, SERVICE, user=user, detail={"link": True}, session=session
        )
        return self._local.mail_links.new_password(token)


def tell_changed(local: LocalAccounts, session: Session, user: str) -> None:
    """Mail to all of a user's addresses that the password is another one."""
    context = {"link": local.mail_links.forgotten}
    for email in emails_of_user(session, user):
        local.queue_mail(session, "changed", email.address, context, user=user)


def is_blocked(session: Session, user: str) -> bool:
    """Whether an administrator has blocked the user."""
    row = session.get(HubUser, user)
    return row is not None and row.state is UserState.BLOCKED
