"""`api/v1/account/tokens` and `api/v1/account/sessions`: what acts for the user.

Tokens are the hub's. The service asks the hub on behalf of the token that the request came with:
so nobody makes a token that can do more, see `rosetta_hub.hub.user_tokens`.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.config import SERVICE_SCOPE
from rosetta_hub.errors import NotAllowed, NotFound
from rosetta_hub.keys import digest
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.operations import operation
from rosetta_hub.web.rights import CHANGE_OWN, READ_OWN

# Of a login that has been at other services of the hub alone.
UNKNOWN_BROWSER = "A browser that has not been here"
# Seconds: an hour, and a year.
_MIN_AGE, _MAX_AGE = 3600, 366 * 86400


class TokenRight(StrEnum):
    """What a token may do: a name here, scopes at the hub."""

    SEE = "see"
    ENTER = "enter"
    CHANGE = "change"

    @property
    def scope(self) -> str:
        """The hub's scope, for the user's own servers."""
        return _SCOPES[self]


_SCOPES = {
    TokenRight.SEE: "read:servers!user",
    TokenRight.ENTER: "access:servers!user",
    TokenRight.CHANGE: "servers!user",
}


class NewToken(RequestModel):
    """A token to be made: what it is for, what it may do, and for how many seconds."""

    note: str = Field(min_length=1, max_length=80)
    rights: list[TokenRight] = Field(min_length=1, max_length=3)
    seconds: int = Field(ge=_MIN_AGE, le=_MAX_AGE)


class TokenView(BaseModel):
    """A token as its user sees it.

    `rights` are what it may do of what this page knows, `scopes` what else it has at the hub;
    `all_rights` says that it may do everything that its user may.
    """

    id: str
    note: str
    rights: list[TokenRight]
    scopes: list[str]
    all_rights: bool
    current: bool
    created: str | None
    last_activity: str | None
    expires_at: str | None


class MadeToken(TokenView):
    """A token that has just been made: `token` is shown this once."""

    token: str


class TokenList(BaseModel):
    """The user's tokens."""

    tokens: list[TokenView]


class SessionView(BaseModel):
    """A browser in which the user is logged in, as far as it has been at the service.

    `services` are those of the hub that have a token of this login.
    """

    id: str
    browser: str
    address: str
    first_seen: str | None
    last_seen: str | None
    current: bool
    services: list[str]


class SessionList(BaseModel):
    """Where the user is logged in, the last used first."""

    sessions: list[SessionView]


class SessionsQuery(RequestModel):
    """What ends besides."""

    api_tokens: bool = Field(default=False, description="Whether the API tokens end, too")


class TokensHandler(HubHandler):
    """`api/v1/account/tokens`."""

    path = "account/tokens"

    @operation(id="list_tokens", right=READ_OWN, answer=TokenList)
    async def get(self) -> TokenList:
        """The user's API tokens."""
        tokens = await self.services.hub.tokens(self.principal_token)
        return TokenList(tokens=[view_token(token) for token in tokens if not token["login"]])

    @operation(id="make_token", right=CHANGE_OWN, answer=MadeToken, status=201)
    async def post(self, body: NewToken) -> MadeToken:
        """Make a token, which is shown this once."""
        new, name = body, self.principal.name
        missing = [
            right.value
            for right in new.rights
            if not self.principal.may_all(right.scope.partition("!")[0], name)
        ]
        if missing:
            raise NotAllowed(
                "No token can have more rights than the one that makes it, which lacks:"
                f" {', '.join(missing)}."
            )
        token = await self.services.hub.make_token(
            self.principal_token, new.note.strip(), scopes_of(new.rights), new.seconds
        )
        detail = {"rights": [right.value for right in new.rights], "seconds": new.seconds}
        self.audit(AuditEvent.TOKEN_CREATE, user=name, target=token["id"], detail=detail)
        return MadeToken(**view_token(token).model_dump(), token=token["token"])


class TokenHandler(HubHandler):
    """`api/v1/account/tokens/<id>`."""

    path = "account/tokens/{token}"

    @operation(id="delete_token", right=CHANGE_OWN)
    async def delete(self, token_id: str) -> None:
        """Delete a token; whatever uses it is refused from now on."""
        tokens = await self.services.hub.tokens(self.principal_token)
        if token_id not in {token["id"] for token in tokens if not token["login"]}:
            raise NotFound("There is no such token. It may have been deleted.")
        await self.services.hub.delete_token(self.principal_token, token_id)
        # Answers about it are kept for half a minute.
        self.hub_auth.cache.clear()
        self.audit(AuditEvent.TOKEN_DELETE, user=self.principal.name, target=token_id)


class SessionsHandler(HubHandler):
    """`api/v1/account/sessions`."""

    path = "account/sessions"

    @operation(id="list_sessions", right=READ_OWN, answer=SessionList)
    async def get(self) -> SessionList:
        """Where the user is logged in."""
        tokens = await self.services.hub.tokens(self.principal_token)
        logins = [token for token in tokens if token["login"]]
        return SessionList(sessions=self._views(logins))

    @operation(id="end_sessions", right=CHANGE_OWN)
    async def delete(self, query: SessionsQuery) -> None:
        """End all logins of the user, the one that asks included."""
        name = self.principal.name
        await self.services.session_ender.end(
            name,
            actor=name,
            api_tokens=query.api_tokens,
            address=self.client_address,
        )
        self.services.account.browsers.delete_user(name)

    def _views(self, logins: Sequence[dict[str, Any]]) -> list[SessionView]:
        """The sessions at the hub, with what the service knows of their browsers."""
        rows = {row.digest: row for row in self.services.account.browsers.of(self.principal.name)}
        sessions = sorted(
            {str(token["session"]) for token in logins if token["session"]},
            key=lambda session: rows[session].last_seen.timestamp() if session in rows else 0,
            reverse=True,
        )
        here = digest(self.hub_auth.get_session_id(self))
        return [
            SessionView(
                id=session,
                browser=row.browser if row else UNKNOWN_BROWSER,
                address=row.address if row else "",
                first_seen=row.first_seen.isoformat() if row else _earliest(tokens),
                last_seen=row.last_seen.isoformat() if row else None,
                current=session == here,
                services=sorted({str(token["client"]) for token in tokens}),
            )
            for session in sessions
            for row in [rows.get(session)]
            for tokens in [[token for token in logins if token["session"] == session]]
        ]


class SessionHandler(HubHandler):
    """`api/v1/account/sessions/<id>`."""

    path = "account/sessions/{session}"

    @operation(id="end_session", right=CHANGE_OWN)
    async def delete(self, session: str) -> None:
        """End one login of the user: whatever its browser has open closes, tasks go on."""
        name, browsers = self.principal.name, self.services.account.browsers
        browser = next((row.browser for row in browsers.of(name) if row.digest == session), None)
        await self.services.session_ender.end_one(
            name,
            session,
            self.principal_token,
            browser=browser or UNKNOWN_BROWSER,
            address=self.client_address,
        )
        browsers.delete(name, session)


def scopes_of(rights: Sequence[TokenRight]) -> list[str]:
    """The hub's scopes of a token with these rights at the service."""
    return [SERVICE_SCOPE, *(right.scope for right in rights)]


def view_token(token: dict[str, Any]) -> TokenView:
    """A token of the hub in the words of this page."""
    raw = set(token["scopes"])
    rights = [right for right in TokenRight if _has(raw, right)]
    named = {SERVICE_SCOPE, *(right.scope for right in TokenRight)}
    return TokenView(
        **{key: token[key] for key in ("id", "note", "created", "last_activity", "expires_at")},
        rights=rights,
        scopes=sorted(raw - named - {"inherit"}),
        all_rights="inherit" in raw,
        current=token["current"],
    )


def _has(scopes: set[str], right: TokenRight) -> bool:
    """Whether the scope is there as it was asked for; the hub keeps it so."""
    return right.scope in scopes


def _earliest(tokens: Sequence[dict[str, Any]]) -> str | None:
    return min((str(token["created"]) for token in tokens if token["created"]), default=None)
