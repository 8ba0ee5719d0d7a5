"""What administrators decide about accounts: who gets one, and who may not use it any more."""

import asyncio
from datetime import datetime, timedelta
from functools import partial

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from rosetta_hub.accounts import invitations, one_time_links, sign_ups
from rosetta_hub.accounts.local import LocalAccounts
from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.catalogue.units import format_duration
from rosetta_hub.database.models_local import Invitation, SignUp
from rosetta_hub.database.models_user import HubUser, UserState
from rosetta_hub.errors import Conflict, NotAllowed, NotFound
from rosetta_hub.hub.client import HubClient
from rosetta_hub.mail_addresses import check_address
from rosetta_hub.users.idempotency import RequestAttempt
from rosetta_hub.users.session_end import SessionEnder


class SignUpView(BaseModel):
    """Somebody who waits for an account."""

    id: str
    name: str
    address: str | None
    confirmed_at: datetime


class InvitationView(BaseModel):
    """An invitation that can still be used. Its link is shown once, when it is made."""

    id: str
    address: str | None
    uses_left: int
    created_by: str
    expires: datetime


class AccountAdministration:
    """Sign-ups, invitations and blocked users; each change is an audit record."""

    def __init__(
        self, local: LocalAccounts, hub: HubClient, sessions: SessionEnder, has_local: bool
    ) -> None:
        self._local = local
        self._has_local = has_local
        self._hub = hub
        self._sessions = sessions
        # Two administrators who block each other: one comes first.
        self._deciding = asyncio.Lock()

    @property
    def local(self) -> LocalAccounts | None:
        """The local accounts, where there are any."""
        return self._local if self._has_local else None

    async def waiting(self) -> list[SignUpView]:
        """Who waits, oldest first."""
        rows = await self._local.transact(sign_ups.waiting)
        return [SignUpView.model_validate(row, from_attributes=True) for row in rows]

    async def invitations(self) -> list[InvitationView]:
        """Those that can still be used, newest first."""
        rows = await self._local.transact(invitations.open_invitations)
        return [invitation_view(row) for row in rows]

    async def blocked(self) -> list[str]:
        """The names of blocked users."""
        query = select(HubUser.name).where(HubUser.state == UserState.BLOCKED)
        return await self._local.transact(
            lambda session: list(session.scalars(query.order_by(HubUser.name)))
        )

    async def approve(self, sign_up_id: str, actor: str) -> None:
        """Let somebody in who waits.

        Raises:
            NotFound: nobody waits with that sign-up, any more.
            Conflict: name or address are somebody's by now.
            HubUnavailable: the hub does not say whether it has a user of that name.
        """
        row = await self._local.transact(partial(sign_ups.find_waiting, sign_up_id=sign_up_id))
        if await self._hub.has_user(str(row.name)):
            raise Conflict(
                f"The hub has a user {row.name!r} by now. Refuse this sign-up: with another name it"
                " can be repeated."
            )
        await self._local.transact(partial(self._decide, sign_up_id=sign_up_id, actor=actor))

    async def refuse(self, sign_up_id: str, actor: str) -> None:
        """Delete the sign-up of somebody who waits.

        Raises:
            NotFound: nobody waits with that sign-up, any more.
        """
        await self._local.transact(
            partial(self._decide, sign_up_id=sign_up_id, actor=actor, approved=False)
        )

    def _decide(self, session: Session, sign_up_id: str, actor: str, approved: bool = True) -> None:
        decide = sign_ups.approve if approved else sign_ups.refuse
        row = decide(session, sign_up_id)
        event = AuditEvent.ACCOUNT_APPROVE if approved else AuditEvent.ACCOUNT_REFUSE
        self._local.audit.record(event, actor, user=row.name, session=session)
        self._tell(session, row, "approved" if approved else "refused")

    def _tell(self, session: Session, row: SignUp, template: str) -> None:
        if row.address:
            context = {"link": self._local.mail_links.login, "name": str(row.name)}
            self._local.queue_mail(session, template, row.address, context)

    async def invite(
        self,
        actor: str,
        days: int,
        uses: int,
        address: str | None,
        attempt: RequestAttempt | None = None,
    ) -> tuple[InvitationView, str]:
        """An invitation and its link, which is mailed where there is an address.

        What an earlier attempt of the same request has made is found again.

        Raises:
            InvalidOptions: the address is none.
            Conflict: no mail can be sent.
        """
        if address and not self._local.mail_available:
            raise Conflict("This hub sends no mails. Make a link, and send it yourself.")
        checked = check_address(address) if address else None
        token = self._local.invitation_token(attempt)
        work = partial(
            self._invite, token=token, actor=actor, days=days, uses=uses, address=checked
        )
        return await self._local.transact(work)

    def _invite(
        self, session: Session, token: str, actor: str, days: int, uses: int, address: str | None
    ) -> tuple[InvitationView, str]:
        mail_links = self._local.mail_links
        link = mail_links.confirm(token) if address else mail_links.invitation(token)
        earlier = invitations.made_with(session, token)
        if earlier is not None:
            return invitation_view(earlier), link
        row = invitations.invite(session, token, actor, days, uses, address)
        detail = {"address": address, "uses": row.uses_left, "days": days}
        self._local.audit.record(
            AuditEvent.ACCOUNT_INVITE, actor, target=row.id, detail=detail, session=session
        )
        if address:
            lifetime = timedelta(days=days)
            context = {"link": link, "inviter": actor, "lifetime": format_duration(days * 86400)}
            self._local.queue_mail(session, "invitation", address, context, lifetime=lifetime)
        return invitation_view(row), link

    async def withdraw(self, invitation_id: str, actor: str) -> None:
        """End an invitation.

        Raises:
            NotFound: there is none.
        """
        await self._local.transact(
            partial(self._withdraw, invitation_id=invitation_id, actor=actor)
        )

    def _withdraw(self, session: Session, invitation_id: str, actor: str) -> None:
        row = invitations.withdraw(session, invitation_id)
        self._local.audit.record(
            AuditEvent.ACCOUNT_INVITE,
            actor,
            target=row.id,
            detail={"withdrawn": True},
            session=session,
        )

    async def set_state(self, user: str, state: UserState, actor: str) -> None:
        """Block a user, whose sessions and tokens end at once, or let the user in again.

        Raises:
            NotFound: the hub has no such user.
            Conflict: nobody would be left to administrate.
            HubUnavailable, EdgeUnavailable: some sessions may go on; doing it again ends them.
        """
        created = await self._hub.user_created(user)
        if created is None:
            raise NotFound(f"The hub has no user {user!r}.")
        async with self._deciding:
            if state is UserState.BLOCKED:
                await self._refuse_last_admin(user, actor)
            await self._local.transact(
                partial(self._set_state, user=user, created=created, state=state, actor=actor)
            )
        if state is UserState.BLOCKED:
            await self._sessions.end(user, actor=actor, api_tokens=True)

    async def _refuse_last_admin(self, user: str, actor: str) -> None:
        if user == actor:
            raise NotAllowed("You can't block yourself. Another administrator can.")
        blocked = set(await self.blocked())
        remaining = set(await self._hub.admins()) - blocked
        if remaining <= {user}:
            raise Conflict(
                f"{user!r} is the last administrator who can log in. Make somebody else one before."
            )

    def _set_state(
        self, session: Session, user: str, created: datetime, state: UserState, actor: str
    ) -> None:
        row = session.get(HubUser, user)
        if row is None:
            row = HubUser(name=user, created=created)
            session.add(row)
        row.state = state
        if state is UserState.BLOCKED:
            one_time_links.revoke(session, user)
        self._local.audit.record(
            AuditEvent.ACCOUNT_BLOCK,
            actor,
            user=user,
            detail={"state": state.value},
            session=session,
        )


def invitation_view(row: Invitation) -> InvitationView:
    """An invitation as it is shown."""
    return InvitationView.model_validate(row, from_attributes=True)
