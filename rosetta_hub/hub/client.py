"""The hub, through its REST API: the only way in which the service uses it."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.errors import Conflict, HubUnavailable, UserError
from rosetta_hub.hub.shares import HubShareCalls

# Seconds. Starting a server answers when the spawner has recorded the task.
TIMEOUT = 60
# The token on whose behalf the service asks; see rosetta_hub.hub.user_tokens.
PRINCIPAL_HEADER = "X-Rosetta-Principal"


class HubClient(HubShareCalls):
    """Acts on the hub as the service; what users may do is checked by the caller."""

    def __init__(self, api_url: str, token: str) -> None:
        self._api_url = api_url.rstrip("/")
        self._token = token

    async def start_server(self, user: str, server_name: str, options: dict[str, Any]) -> None:
        """Start a named server (the empty name: the default server) with these options.

        Raises:
            UserError: the hub refuses, with its reason.
            HubUnavailable: it does not answer.
        """
        await self._call("POST", _server_path(user, server_name), options)

    async def stop_server(self, user: str, server_name: str, remove: bool = False) -> None:
        """Stop a server, and with `remove` forget it; does nothing where none runs.

        Raises:
            UserError: the hub refuses, with its reason.
            HubUnavailable: it does not answer.
        """
        # The default server is not removed: the hub answers 405 for it.
        body = {"remove": True} if remove and server_name else {}
        await self._call("DELETE", _server_path(user, server_name), body, missing_ok=True)

    async def _user(self, user: str) -> dict[str, Any] | None:
        path = f"/users/{quote(user, safe='')}"
        model: dict[str, Any] | None = await self._call("GET", path, missing_ok=True)
        return model

    async def active_servers(self) -> dict[str, set[str]]:
        """Names of the servers that are active on the hub, by user.

        As with `users`, one that ends while this goes from page to page may hide another one.

        Raises:
            HubUnavailable: the hub does not answer.
        """
        models = await self._all_users("&state=active")
        return {model["name"]: set(model.get("servers") or {}) for model in models}

    async def has_user(self, user: str) -> bool:
        """Whether the hub has a user of that name.

        Raises:
            HubUnavailable: the hub does not answer.
        """
        return await self._user(user) is not None

    async def user_groups(self, user: str) -> set[str]:
        """The groups that the user is in now; none for an unknown user.

        Raises:
            HubUnavailable: the hub does not answer.
        """
        return set((await self._user(user) or {}).get("groups") or ())

    async def user_created(self, user: str) -> datetime | None:
        """When the hub created the user; None where there is none, or where it does not tell.

        Raises:
            HubUnavailable: the hub does not answer.
        """
        return created_time(await self._user(user) or {})

    async def users(self) -> dict[str, datetime | None]:
        """All users of the hub, and when it created them.

        Users who are deleted while this goes from page to page may hide another one.

        Raises:
            HubUnavailable: the hub does not answer.
        """
        return {model["name"]: created_time(model) for model in await self._all_users()}

    async def members(self) -> dict[str, User]:
        """All users of the hub with their groups, by name.

        Raises:
            HubUnavailable: the hub does not answer.
        """
        return {
            model["name"]: User(
                model["name"], frozenset(model.get("groups") or ()), bool(model.get("admin"))
            )
            for model in await self._all_users()
        }

    async def admins(self) -> set[str]:
        """The names of all administrators.

        Raises:
            HubUnavailable: the hub does not answer.
        """
        return {model["name"] for model in await self._all_users() if model.get("admin")}

    async def _all_users(self, query: str = "") -> list[dict[str, Any]]:
        # A hub without such a list is no hub without users: nothing may end because of it.
        return [model async for model in self._items("/users", query, missing_ok=False)]

    async def report_activity(self, user: str, servers: dict[str, str]) -> None:
        """Tell when each of the user's servers was used last (ISO 8601, UTC).

        Raises:
            HubUnavailable: the hub does not answer.
        """
        body = {
            "last_activity": max(servers.values()),
            "servers": {name: {"last_activity": time} for name, time in servers.items()},
        }
        await self._call("POST", f"/users/{quote(user, safe='')}/activity", body, missing_ok=True)

    async def end_sessions(self, user: str, api_tokens: bool = False) -> None:
        """Void the user's cookies and OAuth tokens, and with `api_tokens` API tokens, at the hub.

        Raises:
            HubUnavailable: the hub does not answer.
        """
        path = f"/rosetta/users/{quote(user, safe='')}/sessions?api_tokens={int(api_tokens)}"
        await self._call("DELETE", path, missing_ok=True, base=self._base)

    async def tokens(self, principal_token: str) -> list[dict[str, Any]]:
        """The tokens of the user of `principal_token`, as `rosetta_hub.hub.user_tokens` says.

        Raises:
            UserError: the token is no user's any more.
            HubUnavailable: the hub does not answer.
        """
        answer = await self._call(
            "GET", "/rosetta/tokens", base=self._base, principal_token=principal_token
        )
        return list(answer["tokens"])

    async def make_token(
        self, principal_token: str, note: str, scopes: list[str], seconds: int
    ) -> dict[str, Any]:
        """A new token for the user of `principal_token`, with no more rights than that has.

        Raises:
            UserError: the hub refuses, with its reason.
            HubUnavailable: the hub does not answer.
        """
        body = {"note": note, "scopes": scopes, "expires_in": seconds}
        token: dict[str, Any] = await self._call(
            "POST", "/rosetta/tokens", body, base=self._base, principal_token=principal_token
        )
        return token

    async def delete_token(self, principal_token: str, token_id: str) -> None:
        """Delete an API token of the user of `principal_token`.

        Raises:
            UserError: there is none of that id.
            HubUnavailable: the hub does not answer.
        """
        path = f"/rosetta/tokens/{quote(token_id, safe='')}"
        await self._call("DELETE", path, base=self._base, principal_token=principal_token)

    async def end_session(self, principal_token: str, session: str) -> None:
        """End one login of the user of `principal_token`; `session` is its digest.

        Raises:
            UserError: the user has no login of that session.
            HubUnavailable: the hub does not answer.
        """
        path = f"/rosetta/sessions/{quote(session, safe='')}"
        await self._call("DELETE", path, base=self._base, principal_token=principal_token)

    async def login_renewal(self, principal_token: str) -> str | None:
        """A code that renews the hub's cookie of the login to which `principal_token` belongs.

        None where the cookie needs no renewal; see `rosetta_hub.hub.login_renewal`.

        Raises:
            UserError: the token is no user's any more.
            HubUnavailable: the hub does not answer.
        """
        path = "/rosetta/login-renewals"
        answer = await self._call(
            "POST", path, {}, missing_ok=True, base=self._base, principal_token=principal_token
        )
        return None if answer is None else str(answer["code"])

    @property
    def _base(self) -> str:
        """Where the hub's own pages are."""
        return self._api_url.removesuffix("/api")

    async def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        missing_ok: bool = False,
        base: str | None = None,
        principal_token: str | None = None,
    ) -> Any:
        headers = {
            "Authorization": f"token {self._token}",
            "Content-Type": "application/json",
            "Accept": "application/jupyterhub-pagination+json, application/json",
        }
        if principal_token is not None:
            headers[PRINCIPAL_HEADER] = principal_token
        request = HTTPRequest(
            (base or self._api_url) + path,
            method,
            headers=headers,
            body=None if body is None else json.dumps(body),
            allow_nonstandard_methods=True,
            connect_timeout=5,
            request_timeout=TIMEOUT,
        )
        try:
            response = await AsyncHTTPClient().fetch(request)
        except HTTPClientError as error:
            if missing_ok and error.code == 404:
                return None
            raise _translated(error) from error
        except OSError as error:
            raise HubUnavailable(f"The hub does not answer: {error}") from error
        return json.loads(response.body) if response.body else None


def created_time(model: Mapping[str, Any]) -> datetime | None:
    """When the hub created the user of a model; None where the token may not know."""
    text = model.get("created")
    return None if text is None else datetime.fromisoformat(str(text))


def _server_path(user: str, server_name: str) -> str:
    base = f"/users/{quote(user, safe='')}"
    return f"{base}/servers/{quote(server_name, safe='')}" if server_name else f"{base}/server"


def _translated(error: HTTPClientError) -> Exception:
    # 599 is tornado's own: no answer.
    if error.code in (500, 502, 503, 504, 599) or error.response is None:
        return HubUnavailable(f"The hub does not answer: {error}")
    try:
        reason = str(json.loads(error.response.body)["message"])
    except (ValueError, KeyError, TypeError):
        reason = str(error)
    return Conflict(reason) if error.code in (400, 409) else UserError(reason)
