"""The API tokens of a user and the tokens of logins: runs within the hub, for the service alone.

The service shows the principal's own token (`X-Rosetta-Principal`). So it acts for users who are
there, and the hub gives no new token more than that one has. The service's own token can make none,
and neither can the tokens that browsers have of the service: these need no scope for it.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.scopes import expand_scopes, get_scopes_for
from jupyterhub.services.auth import check_scopes
from jupyterhub.utils import isoformat
from tornado import web

from rosetta_hub.hub.client import PRINCIPAL_HEADER
from rosetta_hub.hub.session_end import NO_LOGIN, is_our_service, server_tokens

# Bytes.
_MAX_NOTE = 200


class PrincipalHandler(APIHandler):
    """For requests of the service on behalf of a user, whose token it shows."""

    def find_principal_token(self) -> orm.APIToken:
        """The token of the user on whose behalf the service asks.

        Raises:
            HTTPError: it is not the service that asks, or the token is no user's.
        """
        if not is_our_service(self.current_user):
            raise web.HTTPError(403)
        token = orm.APIToken.find(self.db, self.request.headers.get(PRINCIPAL_HEADER, ""))
        if token is None or token.user is None:
            raise web.HTTPError(403)
        return token


class UserTokensHandler(PrincipalHandler):
    """`rosetta/tokens`: those of the user whose token is shown."""

    async def get(self) -> None:
        """All of them, but for those of running servers."""
        principal_token = self.find_principal_token()
        servers = server_tokens(self.db, self.find_user(principal_token.user.name))
        now = datetime.now(UTC).replace(tzinfo=None)
        tokens = [
            describe_token(token, principal_token)
            for token in principal_token.user.api_tokens
            if token.hashed not in servers and not (token.expires_at and token.expires_at < now)
        ]
        self.finish({"tokens": tokens})

    async def post(self) -> None:
        """Make one with `note`, `scopes` and `expires_in` (seconds); the answer has it, once."""
        principal_token = self.find_principal_token()
        body = self.get_json_body() or {}
        user = self.find_user(principal_token.user.name)
        scopes, seconds = [str(scope) for scope in body["scopes"]], int(body["expires_in"])
        check_no_more(principal_token, scopes, seconds)
        longest = self.settings.get("token_expires_in_max_seconds") or seconds
        if seconds > longest:
            raise web.HTTPError(400, f"This hub's tokens last no longer than {longest} seconds.")
        try:
            token = user.new_api_token(
                note=str(body["note"])[:_MAX_NOTE], expires_in=seconds, scopes=scopes
            )
        except (ValueError, KeyError) as error:
            raise web.HTTPError(400, str(error)) from error
        model = describe_token(orm.APIToken.find(self.db, token), principal_token)
        self.log.info("%s made a token at the service: %s", user.name, model["id"])
        self.set_status(201)
        self.finish({**model, "token": token})


class UserTokenHandler(PrincipalHandler):
    """`rosetta/tokens/<id>`."""

    async def delete(self, token_id: str) -> None:
        """Delete it; 404 where it is none of the user's own API tokens."""
        principal_token = self.find_principal_token()
        servers = server_tokens(self.db, self.find_user(principal_token.user.name))
        tokens = [
            token
            for token in principal_token.user.api_tokens
            if token.api_id == token_id
            and token.client_id == NO_LOGIN
            and token.hashed not in servers
        ]
        if not tokens:
            raise web.HTTPError(404, "There is no such token.")
        self.db.delete(tokens[0])
        self.db.commit()
        self.set_status(204)


def check_no_more(principal_token: orm.APIToken, scopes: list[str], seconds: int) -> None:
    """Refuse a token that could do more, or longer, than the one that asks for it.

    A browser's login is no limit to how long: it is renewed as often as its user comes.

    Raises:
        HTTPError: it could.
    """
    own_scopes = set(get_scopes_for(principal_token))
    new_scopes = expand_scopes(scopes, owner=principal_token.user)
    if not new_scopes or not all(check_scopes([scope], own_scopes) for scope in new_scopes):
        raise web.HTTPError(403, "The token that asks has fewer rights than the one it asks for.")
    if principal_token.client_id != NO_LOGIN or principal_token.expires_at is None:
        return
    now = datetime.now(UTC).replace(tzinfo=None)
    if now + timedelta(seconds=seconds) > principal_token.expires_at:
        raise web.HTTPError(403, "The token that asks ends sooner than the one it asks for.")


def describe_token(token: orm.APIToken, principal_token: orm.APIToken) -> dict[str, Any]:
    """A token without what it is made of; `session` is a digest, as the service has it."""
    return {
        "id": token.api_id,
        "login": token.client_id != NO_LOGIN,
        "client": token.oauth_client.description or token.oauth_client.identifier,
        "session": session_digest(token) if token.session_id else None,
        "current": token is principal_token,
        "note": token.note or "",
        "scopes": sorted(token.scopes or ()),
        "created": isoformat(token.created),
        "last_activity": isoformat(token.last_activity),
        "expires_at": isoformat(token.expires_at),
    }


def session_digest(token: orm.APIToken | orm.OAuthCode) -> str:
    """The digest of the session that a token or a code of a login belongs to."""
    return hashlib.sha256(token.session_id.encode()).hexdigest()


TOKEN_ROUTES = (
    (r"/rosetta/tokens", UserTokensHandler),
    (r"/rosetta/tokens/([^/]+)", UserTokenHandler),
)
