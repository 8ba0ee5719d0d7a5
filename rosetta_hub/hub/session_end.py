"""Ending a user's logins on the hub: runs within the hub, on request of the service."""

from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.utils import new_token
from sqlalchemy.orm import Session
from tornado import web

# The name at the hub of the service that may do this; `rosetta_hub.config` has it, too.
_SERVICE = "rosetta"
# The OAuth client of tokens that users and the hub itself make; all others are of logins.
NO_LOGIN = "jupyterhub"


def end_login(
    db: Session, user: orm.User, api_tokens: bool = False, keep: frozenset[str] = frozenset()
) -> int:
    """Have all browsers of a user log in again; returns how many tokens were deleted.

    The cookies of the hub become void, and the OAuth tokens that services and servers have of these
    logins are deleted. With `api_tokens` those that the user has made are deleted, too, but for
    those whose hashes are in `keep`: running servers go on with theirs.
    """
    user.cookie_id = new_token()
    ended = [
        token
        for token in user.api_tokens
        if token.client_id != NO_LOGIN or (api_tokens and token.hashed not in keep)
    ]
    for token in [*ended, *user.oauth_codes]:
        db.delete(token)
    db.commit()
    return len(ended)


def is_our_service(principal: Any) -> bool:
    """Whether it is the service that asks, and not a user or another service."""
    return isinstance(principal, orm.Service) and principal.name == _SERVICE


def server_tokens(db: Session, user: Any) -> frozenset[str]:
    """The hashes of the tokens of a user's running servers. `user` is the hub's wrapper."""
    tokens = [
        orm.APIToken.find(db, spawner.api_token)
        for spawner in user.spawners.values()
        if spawner.active and spawner.api_token
    ]
    return frozenset(token.hashed for token in tokens if token is not None)


class UserSessionsHandler(APIHandler):
    """`DELETE rosetta/users/<name>/sessions`: end a user's logins, for the service alone."""

    async def delete(self, name: str) -> None:
        """End them; with `?api_tokens=1` the user's API tokens end, too."""
        if not is_our_service(self.current_user):
            raise web.HTTPError(403)
        user = self.find_user(name)
        if user is None:
            raise web.HTTPError(404)
        api_tokens = self.get_argument("api_tokens", "0") == "1"
        keep = server_tokens(self.db, user) if api_tokens else frozenset()
        count = end_login(self.db, user.orm_user, api_tokens, keep)
        self.log.info("Ended the logins of %s: %d tokens", name, count)
        self.set_status(204)


SESSIONS_ROUTE = (r"/rosetta/users/([^/]+)/sessions", UserSessionsHandler)
