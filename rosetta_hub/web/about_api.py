"""`api/v1` itself: what of it a deployment has, its description, and who asks."""

from pydantic import BaseModel

from rosetta_hub import __version__
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.operations import Content, operation
from rosetta_hub.web.rights import LOGGED_IN


class ServiceView(BaseModel):
    """The version of the service, and those parts of the API that not every deployment has.

    `features` are of `builds`, `local_accounts` and `registry`.
    """

    version: str
    features: list[str]


class ServiceHandler(HubHandler):
    """What a client asks first."""

    path = ""

    @operation(id="get_service", right=LOGGED_IN, answer=ServiceView)
    def get(self) -> ServiceView:
        """Version and features of the service."""
        services = self.services
        features = {
            "builds": services.builds is not None,
            "local_accounts": services.account_administration is not None,
            "registry": services.hub_registry is not None,
        }
        return ServiceView(
            version=__version__, features=[name for name, is_there in features.items() if is_there]
        )


class UserView(BaseModel):
    """Whom a token is of; `scopes` are those of the hub that it has."""

    name: str
    admin: bool
    groups: list[str]
    scopes: list[str]


class UserHandler(HubHandler):
    """Who asks."""

    path = "user"

    @operation(id="get_user", right=LOGGED_IN, answer=UserView)
    def get(self) -> UserView:
        """The user of the token, and what the token may do."""
        principal = self.principal
        return UserView(
            name=principal.name,
            admin=principal.admin,
            groups=sorted(principal.groups),
            scopes=sorted(principal.scopes),
        )


class OpenApiHandler(HubHandler):
    """The description of the API."""

    path = "openapi.json"

    @operation(id="get_openapi", right=LOGGED_IN, answer=Content("application/json"))
    def get(self) -> None:
        """This description (OpenAPI 3.1)."""
        self.answer(self.settings["openapi"]())
