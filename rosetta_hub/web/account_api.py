"""`api/v1/account/identities`: the accounts and keys of users on computing resources.

Everything here is about the user: no route names a user. The token needs the hub's scope
`servers` of the user to change something, because tasks run with these keys, and
`read:servers` to read.
"""

import asyncio

from pydantic import BaseModel, Field

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.background import spawn
from rosetta_hub.errors import Conflict, InvalidOptions
from rosetta_hub.ssh.key_import import UnusableKey, import_key_pair
from rosetta_hub.users.identities import IdentityView
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.operations import operation
from rosetta_hub.web.rights import CHANGE_OWN, READ_OWN


class RemoteUser(RequestModel, strict=True):
    """The user's account on a computing resource."""

    remote_user: str


class ImportedKey(RequestModel, strict=True):
    """A private key in OpenSSH's format, and its passphrase, which is used once."""

    private_key: str = Field(max_length=16384, repr=False)
    passphrase: str | None = Field(default=None, max_length=1024, repr=False)


class IdentityList(BaseModel):
    """The user's accounts and keys, one for each resource that needs them."""

    identities: list[IdentityView]


class OwnHandler(HubHandler):
    """What the handlers of this module share."""

    def changed(self, view: IdentityView) -> IdentityView:
        """Let go of what is open with the identity as it was."""
        self.audit(AuditEvent.KEY_CHANGE, user=self.principal.name, target=view.computing)
        changed = self.services.identity_changed(self.principal.name, view.computing)
        spawn(changed, f"close the connection of {self.principal.name} to {view.computing}")
        return view


class IdentitiesHandler(OwnHandler):
    """`api/v1/account/identities`."""

    path = "account/identities"

    @operation(id="list_identities", right=READ_OWN, answer=IdentityList)
    def get(self) -> IdentityList:
        """The user's accounts and keys on computing resources."""
        return IdentityList(identities=self.services.identities.views(self.principal.user))


class IdentityHandler(OwnHandler):
    """`api/v1/account/identities/<computing>`."""

    path = "account/identities/{computing}"

    @operation(id="set_remote_user", right=CHANGE_OWN, answer=IdentityView)
    def put(self, computing: str, body: RemoteUser) -> IdentityView:
        """Set the user's account on a resource; the first time a key pair is made."""
        identities, remote_user = self.services.identities, body.remote_user.strip()
        return self.changed(identities.set_remote_user(self.principal.user, computing, remote_user))

    @operation(id="delete_key", right=CHANGE_OWN, answer=IdentityView, refuses=(409,))
    async def delete(self, computing: str) -> IdentityView:
        """Delete the user's key pair, once no task needs it any more."""
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
        return identities.view(user, computing)


class RenewHandler(OwnHandler):
    """`api/v1/account/identities/<computing>/renew`."""

    path = "account/identities/{computing}/renew"

    @operation(id="renew_key", right=CHANGE_OWN, answer=IdentityView, refuses=(409,))
    def post(self, computing: str) -> IdentityView:
        """Make a new key pair; the old one is forgotten."""
        return self.changed(self.services.identities.renew(self.principal.user, computing))


class KeyHandler(OwnHandler):
    """`api/v1/account/identities/<computing>/key`."""

    path = "account/identities/{computing}/key"

    @operation(id="import_key", right=CHANGE_OWN, answer=IdentityView)
    async def put(self, computing: str, body: ImportedKey) -> IdentityView:
        """Use a key pair of the user's own in the place of the present one."""
        identities, user = self.services.identities, self.principal.user
        identities.view(user, computing)
        comment = f"rosetta-hub:{user.name}"
        try:
            pair = await asyncio.to_thread(
                import_key_pair, body.private_key, body.passphrase, comment
            )
        except UnusableKey as error:
            raise InvalidOptions(str(error)) from None
        return self.changed(identities.replace_key(user, computing, pair))


class TestHandler(OwnHandler):
    """`api/v1/account/identities/<computing>/test`."""

    path = "account/identities/{computing}/test"

    @operation(id="test_key", right=CHANGE_OWN, answer=IdentityView, refuses=(409,))
    async def post(self, computing: str) -> IdentityView:
        """Log in at a resource with the user's key."""
        identities, tester = self.services.identities, self.services.identity_tester
        return await identities.test(self.principal.user, computing, tester)
