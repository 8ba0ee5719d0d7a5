"""`api/v1/account/password`: the user's own password, where the hub has local accounts."""

from datetime import datetime

from pydantic import BaseModel

from rosetta_hub.accounts.own_password import OwnPassword
from rosetta_hub.errors import NotFound
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.operations import operation
from rosetta_hub.web.rights import CHANGE_OWN, READ_OWN


class NewPassword(RequestModel, strict=True):
    """Another password, and the present one as proof."""

    current: str
    new: str


class OwnPasswordView(BaseModel):
    """The user's password.

    `login` and `changed` are null where there is none yet; `address` is where the link would be
    mailed that sets the first one.
    """

    login: str | None
    changed: datetime | None
    address: str | None


class MailedTo(BaseModel):
    """Where a mail goes to."""

    address: str


class OwnPasswordHandler(HubHandler):
    """`api/v1/account/password`."""

    path = "account/password"

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

    @operation(id="get_password", right=READ_OWN, answer=OwnPasswordView, refuses=(404,))
    async def get(self) -> OwnPasswordView:
        """Whether the user has a password, and since when."""
        own, user = self.own, self.principal.name
        account = await own.find(user)
        return OwnPasswordView(
            login=account.login if account else None,
            changed=account.changed if account else None,
            address=None if account else await own.address_for_first(user),
        )

    @operation(id="change_password", right=CHANGE_OWN, refuses=(404, 409, 429))
    async def put(self, body: NewPassword) -> None:
        """Change the user's password; all sessions end, this one included."""
        own, user = self.own, self.principal.name
        await own.change(user, body.current, body.new, str(self.client_address))
        await self.services.session_ender.end(user, actor=user)

    @operation(
        id="request_password",
        right=CHANGE_OWN,
        answer=MailedTo,
        status=202,
        refuses=(404, 409, 422, 429),
    )
    async def post(self) -> MailedTo:
        """Mail a link that sets the user's first password."""
        return MailedTo(address=await self.own.mail_first(self.principal.name))
