"""Signing up, from the address that somebody types to the account."""

from collections.abc import Collection
from functools import partial

from sqlalchemy.orm import Session

from rosetta_hub.accounts import sign_ups
from rosetta_hub.accounts.local import LocalAccounts
from rosetta_hub.accounts.names import check_name
from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.catalogue.units import format_duration
from rosetta_hub.database.models_local import SignUp
from rosetta_hub.users.emails import emails_of_user, users_of_email


class SignUpFlow:
    """What the pages of a sign-up do. A page's answer never depends on who has which address."""

    def __init__(self, local: LocalAccounts) -> None:
        self._local = local

    async def request(self, address: str, invitation: str | None = None) -> None:
        """Mail to somebody who wants an account: how to go on, or that there is one already.

        The caller has answered before this is done. `invitation` is the id of a valid one.
        """
        if await self._local.run(partial(self._local.may_mail, "sign-up", address)):
            await self._local.transact(partial(self._mail, address=address, invitation=invitation))

    def _mail(self, session: Session, address: str, invitation: str | None) -> None:
        local, lifetime = self._local, sign_ups.LIFETIME
        if owners := users_of_email(session, address):
            context = {"link": local.mail_links.login}
            local.queue_mail(session, "taken", address, context, user=owners[0])
        elif sign_ups.address_waits(session, address):
            local.queue_mail(session, "still_waiting", address, {"link": local.mail_links.login})
        else:
            token = sign_ups.begin(session, address, invitation)
            context = {
                "link": local.mail_links.confirm(token),
                "lifetime": format_duration(int(lifetime.total_seconds())),
            }
            local.queue_mail(session, "confirm", address, context)

    async def begin_without_mail(self, invitation: str) -> str:
        """The token of a sign-up by invitation where no mail can prove an address."""
        return await self._local.transact(lambda session: sign_ups.begin(session, None, invitation))

    async def confirm(
        self,
        token: str,
        name: str,
        password: str,
        reserved: Collection[str],
        admins: Collection[str],
    ) -> bool:
        """Go on with the sign-up whose token was mailed; returns whether the account is ready.

        `reserved` are names that may not be taken; `admins` are told of an account that waits.

        Raises:
            LinkInvalid, Conflict: see `sign_ups.confirm`.
            NameRefused, PasswordRefused: try again with the same token.
        """
        local = self._local
        sign_up = await local.transact(partial(sign_ups.find, token=token))
        checked = check_name(name, [*reserved, *local.settings.reserved_names])
        await local.passwords.check(password, [checked, sign_up.address or ""])
        hashed = await local.passwords.hash(password)
        return await local.transact(
            partial(self._confirm, token=token, name=checked, hashed=hashed, admins=admins)
        )

    def _confirm(
        self, session: Session, token: str, name: str, hashed: str, admins: Collection[str]
    ) -> bool:
        approval = self._local.settings.approval
        row, ready = sign_ups.confirm(session, token, name, hashed, approval)
        self._local.audit.record(
            AuditEvent.ACCOUNT_SIGN_UP,
            name,
            user=name,
            detail={"waits": not ready, "invitation": row.invitation},
            session=session,
        )
        if not ready:
            self._tell_admins(session, row, admins)
        return ready

    def _tell_admins(self, session: Session, row: SignUp, admins: Collection[str]) -> None:
        context = {
            "link": self._local.mail_links.accounts,
            "name": str(row.name),
            "address": row.address or "without an address",
        }
        for admin in admins:
            for email in emails_of_user(session, admin)[:1]:
                self._local.queue_mail(session, "waiting", email.address, context, user=admin)
