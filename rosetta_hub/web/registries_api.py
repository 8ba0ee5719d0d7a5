"""`api/v1/registries`: the user's accounts at registries, and the spaces at the hub's own.

Everything here is about the user: no route names a user. Passwords come in, and never go out.
"""

from pydantic import BaseModel, ConfigDict, Field

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.registries.credentials import LONGEST_PASSWORD, CredentialView
from rosetta_hub.registries.hub_registry import HubRegistry
from rosetta_hub.registries.spaces import spaces_of
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.operations import operation
from rosetta_hub.web.rights import CHANGE_OWN, CHANGE_OWNED, READ_OWN


class RegistryAccount(RequestModel):
    """Account and password, or access token, at a registry."""

    model_config = ConfigDict(strict=True)

    account: str = Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")
    password: str = Field(
        min_length=1, max_length=LONGEST_PASSWORD, pattern=r"^[^\x00-\x1f\x7f]+$", repr=False
    )


class SiteRegistry(BaseModel):
    """A registry from which the site pulls for the user with an account of its own."""

    host: str


class HubSpaces(BaseModel):
    """The hub's own registry: where the user may push and pull, with a token of the hub."""

    host: str
    user: str
    spaces: list[str]


class RegistriesView(BaseModel):
    """What the user has at registries."""

    accounts: list[CredentialView]
    site: list[SiteRegistry]
    hub: HubSpaces | None


def view_spaces(registry: HubRegistry | None, user: User) -> HubSpaces | None:
    """The user's spaces at the hub's registry; None where there is no such registry."""
    if registry is None:
        return None
    spaces = spaces_of(user.name, user.groups)
    return HubSpaces(host=registry.host, user=user.name, spaces=spaces)


class RegistriesHandler(HubHandler):
    """`GET api/v1/registries`."""

    path = "registries"

    @operation(id="list_registries", right=READ_OWN, answer=RegistriesView)
    def get(self) -> RegistriesView:
        """The user's accounts at registries, and those of the site for the user."""
        self.principal.check_own("read:servers")
        services, user = self.services, self.principal.user
        hosts = {entry.host: None for entry in services.registries.entries}
        site = [host for host in hosts if services.registries.account(host, user.name, user.groups)]
        return RegistriesView(
            accounts=services.credentials.views(user.name),
            site=[SiteRegistry(host=host) for host in site],
            hub=view_spaces(services.hub_registry, user),
        )


class RegistryHandler(HubHandler):
    """`api/v1/registries/<host>`."""

    path = "registries/{host}"

    @operation(id="set_registry_account", right=CHANGE_OWN, answer=CredentialView)
    def put(self, host: str, body: RegistryAccount) -> CredentialView:
        """Keep an account at a registry."""
        self.principal.check_own("servers")
        name = self.principal.name
        view = self.services.credentials.set(name, host, body.account, body.password)
        self._record(host, "set")
        return view

    @operation(id="delete_registry_account", right=CHANGE_OWNED)
    def delete(self, host: str) -> None:
        """Delete the account at a registry."""
        self.principal.check_own("servers")
        self.services.credentials.delete(self.principal.name, host)
        self._record(host, "delete")

    def _record(self, host: str, change: str) -> None:
        name, detail = self.principal.name, {"change": change}
        self.audit(AuditEvent.REGISTRY_CHANGE, user=name, target=host, detail=detail)


class RegistryTestHandler(HubHandler):
    """`POST api/v1/registries/<host>/test`."""

    path = "registries/{host}/test"

    @operation(id="test_registry_account", right=CHANGE_OWNED, answer=CredentialView)
    async def post(self, host: str) -> CredentialView:
        """Log in at a registry with the user's account."""
        self.principal.check_own("servers")
        credentials, tester = self.services.credentials, self.services.lookup.client.check_login
        return await credentials.test(self.principal.name, host, tester)
