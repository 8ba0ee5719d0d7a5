"""Somebody can always administrate: the hub's own API does not look after that."""

from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.users import UserAPIHandler
from sqlalchemy import select
from sqlalchemy.orm import Session
from tornado import web

from rosetta_hub.database.models_user import HubUser, UserState

REFUSAL = "This is the last administrator who can log in. Make somebody else one before."


def is_last_admin(hub: Session, blocked: set[str], user: str) -> bool:
    """Whether no other administrator of the hub can log in."""
    admins = set(hub.scalars(select(orm.User.name).where(orm.User.admin))) - blocked
    return admins == {user}


def blocked_users(session: Session) -> set[str]:
    """The users who may not log in."""
    query = select(HubUser.name).where(HubUser.state == UserState.BLOCKED)
    return set(session.scalars(query))


class GuardedUserHandler(UserAPIHandler):
    """`api/users/<name>` of the hub: refuses to take the right from the last administrator."""

    def _check_user_model(self, model: Any) -> None:
        # Called once the hub has seen that the principal may change the user.
        super()._check_user_model(model)
        if model.get("admin") is not False:
            return
        user = self.find_user(self.path_args[0])
        blocked = self.authenticator.accounts.run(blocked_users)
        if user is not None and is_last_admin(self.db, blocked, user.name):
            raise web.HTTPError(409, REFUSAL)


USER_ROUTE = (r"/api/users/([^/]+)", GuardedUserHandler)
