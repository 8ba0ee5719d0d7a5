"""`api/v1/account/password`: the principal's own password, where the hub has local accounts."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from rosetta_hub.accounts.own_password import OwnPassword
from rosetta_hub.errors import NotFound
from rosetta_hub.web.bodies import parse_body
from rosetta_hub.web.handlers import HubHandler


class NewPassword(BaseModel):
    """Another password, and the present one as proof."""

    model_config = ConfigDict(extra="forbid", strict=True)

    current: str
    new: str


class PasswordHandler(HubHandler):
    """`api/v1/account/password`."""

    @property
    def own(self) -> OwnPassword:
        """What changes it.

        Raises:
            NotFound: the hub has no local accounts.
        """
        administration = self.services.account_administration
        local = administration.local if administration else None
        if local is None:
            raise NotFound("This hub has no passwords of its own.")
        return OwnPassword(local)

    async def get(self) -> None:
        """Whether the principal has one, since when, and where a first one would be mailed to."""
        self.principal.check_own("read:servers")
        own, user = self.own, self.principal.name
        account = await own.find(user)
        self.answer(
            {
                "login": account.login if account else None,
                "changed": account.changed.isoformat() if account else None,
                "address": None if account else await own.address_for_first(user),
            }
        )

    async def put(self) -> None:
        """Change it, and end all sessions of the principal, this one included."""
        self.principal.check_own("servers")
        own, user = self.own, self.principal.name
        body = parse_body(NewPassword, self.json_body())
        await own.change(user, body.current, body.new, str(self.client_address))
        await self.services.session_ender.end(user, actor=user)
        self.set_status(204)

    async def post(self) -> None:
        """Mail a link that sets the first one."""
        self.principal.check_own("servers")
        self.answer({"address": await self.own.mail_first(self.principal.name)}, 202)


def password_routes(
    prefix: str, arguments: dict[str, Any]
) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    return [(rf"{prefix}api/v1/account/password", PasswordHandler, arguments)]
