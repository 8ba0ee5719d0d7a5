"""`api/v1/admin/accounts`: local accounts that wait, invitations, and blocked users.

There where the hub has Rosetta Hub's own authenticator; elsewhere these addresses do not exist.
"""

from pydantic import BaseModel, Field

from rosetta_hub.accounts.administration import (
    AccountAdministration,
    InvitationView,
    SignUpView,
)
from rosetta_hub.accounts.invitations import DEFAULT_DAYS, MAX_DAYS, MAX_USES
from rosetta_hub.database.models_user import UserState
from rosetta_hub.errors import NotFound
from rosetta_hub.mail_addresses import MAX_LENGTH
from rosetta_hub.web.admin_base import AdminHandler
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.operations import operation
from rosetta_hub.web.rights import ADMINISTER


class NewInvitation(RequestModel, strict=True):
    """An invitation for one address, or a link for so many uses; it lasts for so many days."""

    address: str | None = Field(default=None, max_length=MAX_LENGTH)
    uses: int = Field(default=1, ge=1, le=MAX_USES)
    days: int = Field(default=DEFAULT_DAYS, ge=1, le=MAX_DAYS)


class AccountState(RequestModel):
    """Whether a user may log in."""

    state: UserState


class AccountsView(BaseModel):
    """Who waits for an account, open invitations, and blocked users.

    `local` tells whether users may have passwords here, `mail` whether the service sends mails.
    """

    waiting: list[SignUpView]
    invitations: list[InvitationView]
    blocked: list[str]
    local: bool
    mail: bool


class MadeInvitation(InvitationView):
    """An invitation that has just been made, with the link, which is shown this once."""

    link: str


class UserStateView(BaseModel):
    """Whether a user may log in."""

    user: str
    state: UserState


class AccountsHandler(AdminHandler):
    """What the handlers of this module share."""

    @property
    def accounts(self) -> AccountAdministration:
        """What decides.

        Raises:
            NotFound: the hub has another authenticator, which knows no such accounts.
        """
        administration = self.services.account_administration
        if administration is None:
            raise NotFound("This hub has no accounts of its own.")
        return administration

    @property
    def actor(self) -> str:
        """Who decides."""
        return self.principal.name


class AccountListHandler(AccountsHandler):
    """`api/v1/admin/accounts`."""

    path = "admin/accounts"

    @operation(id="list_accounts", right=ADMINISTER, answer=AccountsView, refuses=(404,))
    async def get(self) -> AccountsView:
        """Who waits for an account, open invitations, and blocked users."""
        accounts = self.accounts
        return AccountsView(
            waiting=await accounts.waiting(),
            invitations=await accounts.invitations(),
            blocked=await accounts.blocked(),
            local=accounts.local is not None,
            mail=self.services.settings.mail_available,
        )


class SignUpHandler(AccountsHandler):
    """`api/v1/admin/accounts/sign-ups/<id>`."""

    path = "admin/accounts/sign-ups/{account}"

    @operation(id="approve_account", right=ADMINISTER, refuses=(409,))
    async def post(self, sign_up_id: str) -> None:
        """Approve an account that somebody waits for."""
        await self.accounts.approve(sign_up_id, self.actor)

    @operation(id="refuse_account", right=ADMINISTER, refuses=(409,))
    async def delete(self, sign_up_id: str) -> None:
        """Refuse an account that somebody waits for."""
        await self.accounts.refuse(sign_up_id, self.actor)


class InvitationsHandler(AccountsHandler):
    """`api/v1/admin/accounts/invitations`."""

    path = "admin/accounts/invitations"

    @operation(
        id="make_invitation",
        right=ADMINISTER,
        answer=MadeInvitation,
        status=201,
        refuses=(404, 409),
        idempotent=True,
    )
    async def post(self, body: NewInvitation) -> MadeInvitation:
        """Make an invitation; its link is in this answer alone."""
        address = (body.address or "").strip() or None
        view, link = await self.accounts.invite(
            self.actor, body.days, body.uses, address, self.attempt
        )
        return MadeInvitation(**view.model_dump(), link=link)


class InvitationHandler(AccountsHandler):
    """`api/v1/admin/accounts/invitations/<id>`."""

    path = "admin/accounts/invitations/{invitation}"

    @operation(id="withdraw_invitation", right=ADMINISTER)
    async def delete(self, invitation_id: str) -> None:
        """Withdraw an invitation."""
        await self.accounts.withdraw(invitation_id, self.actor)


class UserStateHandler(AccountsHandler):
    """`api/v1/admin/accounts/users/<name>`."""

    path = "admin/accounts/users/{user}"

    @operation(id="set_user_state", right=ADMINISTER, answer=UserStateView, refuses=(409,))
    async def put(self, user: str, body: AccountState) -> UserStateView:
        """Block a user, which ends all sessions and tokens, or let the user in again."""
        await self.accounts.set_state(user, body.state, self.actor)
        return UserStateView(user=user, state=body.state)
