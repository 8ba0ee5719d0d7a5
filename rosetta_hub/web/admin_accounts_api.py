"""`api/v1/admin/accounts`: local accounts that wait, invitations, and blocked users.

There where the hub has Rosetta Hub's own authenticator; elsewhere these addresses do not exist.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rosetta_hub.accounts.administration import AccountAdministration
from rosetta_hub.accounts.invitations import MAX_DAYS, MAX_USES
from rosetta_hub.database.models_user import UserState
from rosetta_hub.errors import NotFound
from rosetta_hub.mail.addresses import MAX_LENGTH
from rosetta_hub.web.admin_base import AdminHandler, Routes
from rosetta_hub.web.bodies import parse_body


class NewInvitation(BaseModel):
    """An invitation for one address, or a link for so many uses; it lasts for so many days."""

    model_config = ConfigDict(extra="forbid", strict=True)

    address: str | None = Field(default=None, max_length=MAX_LENGTH)
    uses: int = Field(default=1, ge=1, le=MAX_USES)
    days: int = Field(default=7, ge=1, le=MAX_DAYS)


class AccountState(BaseModel):
    """Whether a user may log in."""

    model_config = ConfigDict(extra="forbid")

    state: UserState


class AccountsHandler(AdminHandler):
    """What the handlers of this module share, and `api/v1/admin/accounts`."""

    @property
    def accounts(self) -> AccountAdministration:
        """What decides.

        Raises:
            NotFound: the hub has another authenticator, which knows no such accounts.
        """
        found = self.services.account_administration
        if found is None:
            raise NotFound("This hub has no accounts of its own.")
        return found

    @property
    def actor(self) -> str:
        """Who decides."""
        return self.principal.name


class AccountListHandler(AccountsHandler):
    """`api/v1/admin/accounts`."""

    async def get(self) -> None:
        """Who waits, which invitations there are, and who is blocked."""
        accounts = self.accounts
        self.answer(
            {
                "waiting": [one.model_dump(mode="json") for one in await accounts.waiting()],
                "invitations": [
                    one.model_dump(mode="json") for one in await accounts.invitations()
                ],
                "blocked": await accounts.blocked(),
                "local": accounts.local is not None,
                "mail": self.services.settings.mail_available,
            }
        )


class SignUpHandler(AccountsHandler):
    """`api/v1/admin/accounts/sign-ups/<id>`."""

    async def post(self, sign_up_id: str) -> None:
        """Approve."""
        await self.accounts.approve(sign_up_id, self.actor)
        self.set_status(204)

    async def delete(self, sign_up_id: str) -> None:
        """Refuse."""
        await self.accounts.refuse(sign_up_id, self.actor)
        self.set_status(204)


class InvitationsHandler(AccountsHandler):
    """`api/v1/admin/accounts/invitations`."""

    async def post(self) -> None:
        """Make one; its link is in this answer alone."""
        body = parse_body(NewInvitation, self.json_body())
        address = (body.address or "").strip() or None
        view, link = await self.accounts.invite(self.actor, body.days, body.uses, address)
        self.answer({**view.model_dump(mode="json"), "link": link}, 201)


class InvitationHandler(AccountsHandler):
    """`api/v1/admin/accounts/invitations/<id>`."""

    async def delete(self, invitation_id: str) -> None:
        """Withdraw it."""
        await self.accounts.withdraw(invitation_id, self.actor)
        self.set_status(204)


class UserStateHandler(AccountsHandler):
    """`api/v1/admin/accounts/users/<name>`."""

    async def put(self, user: str) -> None:
        """Block the user, which ends all sessions and tokens, or let the user in again."""
        body = parse_body(AccountState, self.json_body())
        await self.accounts.set_state(user, body.state, self.actor)
        self.answer({"user": user, "state": body.state.value})


def admin_accounts_routes(prefix: str, arguments: dict[str, Any]) -> Routes:
    """The routes of this module below `prefix`."""
    accounts = rf"{prefix}api/v1/admin/accounts"
    return [
        (accounts, AccountListHandler, arguments),
        (rf"{accounts}/sign-ups/([0-9a-f]{{32}})", SignUpHandler, arguments),
        (rf"{accounts}/invitations", InvitationsHandler, arguments),
        (rf"{accounts}/invitations/([0-9a-f]{{32}})", InvitationHandler, arguments),
        (rf"{accounts}/users/([^/]+)", UserStateHandler, arguments),
    ]
