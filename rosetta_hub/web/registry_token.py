"""`GET registry/token`: the token server of the hub's registry (distribution, "Token auth").

Clients such as `docker login` send a user name of the hub and a token of this user as password.
Tasks send a password of their own, which the service gives to their agents.
"""

import base64
import binascii

from rosetta_hub.errors import NotFound
from rosetta_hub.hub.client import created_time
from rosetta_hub.registries.hub_registry import (
    TOKEN_SECONDS,
    HubRegistry,
    Scope,
    TaskLogin,
    parse_scopes,
)
from rosetta_hub.tasks.principal import Principal
from rosetta_hub.web.base_handler import BaseHandler
from rosetta_hub.web.operations import Content, operation
from rosetta_hub.web.rights import NO_LOGIN

_CHALLENGE = 'Basic realm="A user name of the hub, and a token of this user as password"'
_REFUSAL = (
    "Log in with your user name of the hub, and a token of yours as password: the hub makes one"
    " under 'Token'."
)


class RegistryTokenHandler(BaseHandler):
    """Gives tokens for what the bearer of a token of the hub may do in the registry."""

    path = "/registry/token"
    routine = True

    @operation(
        id="get_registry_token",
        right=NO_LOGIN,
        answer=Content("application/json"),
        # As registries word their errors, not as problem details.
        also=(401,),
        refuses=(404,),
    )
    async def get(self) -> None:
        """A token for the hub's registry.

        Basic authentication with a user name and a token of the hub: scope read:servers to pull,
        servers to push.
        """
        registry = self.services.hub_registry
        if registry is None:
            raise NotFound("This hub has no registry of its own.")
        user, password = parse_basic(self.request.headers.get("Authorization", ""))
        token = await self._token(registry, user, password)
        if token is None:
            self.set_header("WWW-Authenticate", _CHALLENGE)
            # As registries word their errors (OCI distribution specification, "Error codes").
            error = {"code": "UNAUTHORIZED", "message": _REFUSAL, "detail": None}
            self.answer({"errors": [error], "error": _REFUSAL}, 401)
            return
        self.answer({"token": token, "access_token": token, "expires_in": TOKEN_SECONDS})

    async def _token(self, registry: HubRegistry, user: str, password: str) -> str | None:
        scopes = parse_scopes(self.get_query_arguments("scope"))
        login = registry.read_login(password)
        if login is not None:
            own_scopes = _of_task(login, scopes)
            is_known = login.user == user and await self.services.hub.has_user(user)
            return registry.grant(user, login.groups, own_scopes, {"pull"}) if is_known else None
        principal = await self._principal(user, password)
        if principal is None:
            return None
        actions = {"pull": "read:servers", "push": "servers"}
        allowed = {name for name, scope in actions.items() if principal.may_all(scope, user)}
        return registry.grant(user, principal.groups, scopes, allowed)

    async def _principal(self, user: str, token: str) -> Principal | None:
        """The user whose token this is, asked of the hub each time."""
        auth = self.services.hub_auth
        if not token or not token.isascii():
            return None
        model = await auth.user_for_token(token, use_cache=False, sync=False)
        if model is None or model.get("kind", "user") != "user" or model["name"] != user:
            return None
        if not auth.check_scopes(auth.access_scopes, model):
            return None
        await self.services.users.recognise(user, created_time(model))
        return Principal.from_model(model)


def _of_task(login: TaskLogin, scopes: list[Scope]) -> list[Scope]:
    if not login.repository:
        return scopes
    return [scope for scope in scopes if scope.repository == login.repository]


def parse_basic(header: str) -> tuple[str, str]:
    """User name and password of an `Authorization` header (RFC 7617); empty texts without one."""
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    user, _, password = text.partition(":")
    return user, password
