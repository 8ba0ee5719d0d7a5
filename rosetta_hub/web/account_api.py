"""The page Account, where users see and set what is theirs, and `api/v1/account/identities`: keys.

Everything here is about the principal: no route names a user. The token needs the hub's scope
`servers` of the principal to change something, because tasks run with these keys, and
`read:servers` to read.
"""

import asyncio
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.background import spawn
from rosetta_hub.errors import Conflict, InvalidOptions
from rosetta_hub.ssh.key_import import UnusableKey, import_key_pair
from rosetta_hub.users.identities import IdentityView
from rosetta_hub.web.bodies import parse_body
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.page_handler import PageHandler


class RemoteUser(BaseModel):
    """The principal's account on a computing resource."""

    model_config = ConfigDict(extra="forbid", strict=True)

    remote_user: str


class ImportedKey(BaseModel):
    """A private key in OpenSSH's format, and its passphrase, which is used once."""

    model_config = ConfigDict(extra="forbid", strict=True)

    private_key: str = Field(max_length=16384, repr=False)
    passphrase: str | None = Field(default=None, max_length=1024, repr=False)


class AccountPage(PageHandler):
    """`account`: the page."""

    def get(self) -> None:
        """The page; its script asks the API."""
        self.render_page("account.html")


class OwnHandler(HubHandler):
    """What the handlers of this module share."""

    def changed(self, view: IdentityView) -> None:
        """Answer, and let go of what is open with the identity as it was."""
        self.audit(AuditEvent.KEY_CHANGE, user=self.principal.name, target=view.computing)
        changed = self.services.identity_changed(self.principal.name, view.computing)
        spawn(changed, f"close the connection of {self.principal.name} to {view.computing}")
        self.answer(view)


class IdentitiesHandler(OwnHandler):
    """`api/v1/account/identities`."""

    def get(self) -> None:
        """All identities of the principal."""
        self.principal.check_own("read:servers")
        views = self.services.identities.views(self.principal.user)
        self.answer({"identities": [view.model_dump(mode="json") for view in views]})


class IdentityHandler(OwnHandler):
    """`api/v1/account/identities/<computing>`."""

    def put(self, computing: str) -> None:
        """Set the principal's account there; the first time a key pair is made."""
        self.principal.check_own("servers")
        identities, user = self.services.identities, self.principal.user
        # Whether it is the principal's at all goes before what is wrong with the request.
        identities.view(user, computing)
        wanted = parse_body(RemoteUser, self.json_body()).remote_user.strip()
        self.changed(identities.set_remote_user(user, computing, wanted))

    async def delete(self, computing: str) -> None:
        """Delete the principal's key pair, once no task needs it any more."""
        self.principal.check_own("servers")
        identities, user = self.services.identities, self.principal.user
        name = identities.view(user, computing).name
        tasks = self.services.tasks.active(computing, user.name)
        if tasks:
            raise Conflict(
                f"Your task {tasks[0].name!r} on {name} needs this key to be stopped. Stop your"
                f" tasks on {name}, then delete the key."
            )
        await self.services.identity_changed(user.name, computing)
        identities.delete(user.name, computing)
        self.audit(AuditEvent.KEY_CHANGE, user=user.name, target=computing)
        self.answer(identities.view(user, computing))


class RenewHandler(OwnHandler):
    """`api/v1/account/identities/<computing>/renew`."""

    def post(self, computing: str) -> None:
        """Make a new key pair; the old one is forgotten."""
        self.principal.check_own("servers")
        self.changed(self.services.identities.renew(self.principal.user, computing))


class KeyHandler(OwnHandler):
    """`api/v1/account/identities/<computing>/key`."""

    async def put(self, computing: str) -> None:
        """Use a key pair of the principal's in the place of the present one."""
        self.principal.check_own("servers")
        identities, user = self.services.identities, self.principal.user
        identities.view(user, computing)
        given = parse_body(ImportedKey, self.json_body())
        comment = f"rosetta-hub:{user.name}"
        try:
            pair = await asyncio.to_thread(
                import_key_pair, given.private_key, given.passphrase, comment
            )
        except UnusableKey as error:
            raise InvalidOptions(str(error)) from None
        self.changed(identities.replace_key(user, computing, pair))


class TestHandler(OwnHandler):
    """`api/v1/account/identities/<computing>/test`."""

    async def post(self, computing: str) -> None:
        """Log in there with the principal's key."""
        self.principal.check_own("servers")
        identities, tester = self.services.identities, self.services.identity_tester
        self.answer(await identities.test(self.principal.user, computing, tester))


def account_routes(prefix: str, arguments: dict[str, Any]) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    identity = rf"{prefix}api/v1/account/identities/([^/]+)"
    return [
        (rf"{prefix}account", AccountPage, arguments),
        (rf"{prefix}api/v1/account/identities", IdentitiesHandler, arguments),
        (identity, IdentityHandler, arguments),
        (rf"{identity}/test", TestHandler, arguments),
        (rf"{identity}/renew", RenewHandler, arguments),
        (rf"{identity}/key", KeyHandler, arguments),
    ]
