"""`api/v1/registries`: the principal's accounts at registries, and the spaces at the hub's own.

Everything here is about the principal: no route names a user. Passwords come in, and never go out.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.registries.credentials import LONGEST_PASSWORD, CredentialView
from rosetta_hub.registries.hub_registry import HubRegistry
from rosetta_hub.registries.spaces import spaces_of
from rosetta_hub.web.bodies import parse_body
from rosetta_hub.web.handlers import HubHandler


class RegistryAccount(BaseModel):
    """Account and password, or access token, at a registry."""

    model_config = ConfigDict(extra="forbid", strict=True)

    account: str = Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")
    password: str = Field(
        min_length=1, max_length=LONGEST_PASSWORD, pattern=r"^[^\x00-\x1f\x7f]+$", repr=False
    )


class SiteRegistry(BaseModel):
    """A registry from which the site pulls for the principal with an account of its own."""

    host: str


class HubSpaces(BaseModel):
    """The hub's own registry: where the principal may push and pull, with a token of the hub."""

    host: str
    user: str
    spaces: list[str]


class RegistriesView(BaseModel):
    """What the principal has at registries."""

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

    def get(self) -> None:
        """The principal's accounts, and the registries of the site that are the principal's."""
        self.principal.check_own("read:servers")
        services, user = self.services, self.principal.user
        hosts = {entry.host: None for entry in services.registries.entries}
        site = [host for host in hosts if services.registries.account(host, user.name, user.groups)]
        view = RegistriesView(
            accounts=services.credentials.views(user.name),
            site=[SiteRegistry(host=host) for host in site],
            hub=view_spaces(services.hub_registry, user),
        )
        self.answer(view)


class RegistryHandler(HubHandler):
    """`api/v1/registries/<host>`."""

    def put(self, host: str) -> None:
        """Keep an account there."""
        self.principal.check_own("servers")
        given = parse_body(RegistryAccount, self.json_body())
        name = self.principal.name
        view = self.services.credentials.set(name, host, given.account, given.password)
        self._record(host, "set")
        self.answer(view)

    def delete(self, host: str) -> None:
        """Delete the account."""
        self.principal.check_own("servers")
        self.services.credentials.delete(self.principal.name, host)
        self._record(host, "delete")
        self.answer({"host": host})

    def _record(self, host: str, change: str) -> None:
        name, detail = self.principal.name, {"change": change}
        self.audit(AuditEvent.REGISTRY_CHANGE, user=name, target=host, detail=detail)


class RegistryTestHandler(HubHandler):
    """`POST api/v1/registries/<host>/test`."""

    async def post(self, host: str) -> None:
        """Log in with the principal's account."""
        self.principal.check_own("servers")
        credentials, tester = self.services.credentials, self.services.lookup.client.check_login
        self.answer(await credentials.test(self.principal.name, host, tester))


def registries_routes(
    prefix: str, arguments: dict[str, Any]
) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    registry = rf"{prefix}api/v1/registries/([^/]+)"
    return [
        (rf"{prefix}api/v1/registries", RegistriesHandler, arguments),
        (registry, RegistryHandler, arguments),
        (rf"{registry}/test", RegistryTestHandler, arguments),
    ]
