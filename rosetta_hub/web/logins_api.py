"""`api/v1/account/logins`: the principal's own logins, where the authenticator is Rosetta Hub's.

A login is added on a page of the hub, where its owner proves it: no token can do that.
"""

from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from rosetta_hub.accounts.links import links_of_user, relink, unlink
from rosetta_hub.accounts.merge import merged_users, separate_users
from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.database.database import Database
from rosetta_hub.database.models_logins import LoginLink
from rosetta_hub.errors import NotFound
from rosetta_hub.web.handlers import HubHandler


class LoginView(BaseModel):
    """A login of the principal; `removed` says since when it does not lead here any more."""

    id: int
    method: str
    title: str
    name: str | None
    email: str | None
    linked_at: datetime
    last_used: datetime
    removed: datetime | None


class OwnLoginsHandler(HubHandler):
    """What the handlers of this module share."""

    @property
    def database(self) -> Database:
        """Where the logins are.

        Raises:
            NotFound: another authenticator decides who signs in.
        """
        if self.services.account_administration is None:
            raise NotFound("The logins of this hub are not kept here.")
        return self.services.tasks.database


class LoginsHandler(OwnLoginsHandler):
    """`api/v1/account/logins`."""

    def get(self) -> None:
        """The logins, those that were removed, and the users who were merged into the principal."""
        self.principal.check_own("read:servers")
        with self.database.session() as session:
            logins = [view(link) for link in links_to_show(session, self.principal.name)]
            merged = merged_users(session, self.principal.name)
        self.answer(
            {
                "logins": [login.model_dump(mode="json") for login in logins],
                "merged": merged,
                "add_url": f"{self.hub_auth.hub_prefix}rosetta/logins",
            }
        )


class LoginHandler(OwnLoginsHandler):
    """`api/v1/account/logins/<id>`."""

    def post(self, link: str) -> None:
        """Put a removed login in force again."""
        self.principal.check_own("servers")
        with self.database.session() as session:
            found = self._find(session, link)
            if found.active_key is None:
                relink(session, found)
        self.audit(AuditEvent.LOGIN_LINK, user=self.principal.name, target=found.method)
        self.answer(view(found))

    def delete(self, link: str) -> None:
        """Remove it; whoever is logged in by it is logged out within the refresh time."""
        self.principal.check_own("servers")
        with self.database.session() as session:
            found = unlink(session, self.principal.name, int(link))
        self.audit(AuditEvent.LOGIN_UNLINK, user=self.principal.name, target=found.method)
        self.set_status(204)

    def _find(self, session: Session, link: str) -> LoginLink:
        found = session.get(LoginLink, int(link))
        if found is None or found.user != self.principal.name:
            raise NotFound("There is no such login.")
        return found


class MergedHandler(OwnLoginsHandler):
    """`api/v1/account/merged/<user>`: users who were merged into the principal."""

    def delete(self, user: str) -> None:
        """Separate the user again, whose logins lead to the user from now on."""
        self.principal.check_own("servers")
        with self.database.session() as session:
            separate_users(session, self.principal.name, user)
        self.audit(AuditEvent.LOGIN_UNLINK, user=self.principal.name, target=user)
        self.set_status(204)


def links_to_show(session: Session, user: str) -> list[LoginLink]:
    """The links of a user, and of those that were removed the last one of each login."""
    present = links_of_user(session, user)
    shown = {(link.issuer, link.subject) for link in present}
    query = select(LoginLink).where(LoginLink.user == user, LoginLink.active_key.is_(None))
    removed = []
    for link in session.scalars(query.order_by(LoginLink.id.desc())):
        if (link.issuer, link.subject) not in shown:
            shown.add((link.issuer, link.subject))
            removed.append(link)
    return [*present, *removed]


def view(link: LoginLink) -> LoginView:
    """A link as the API shows it."""
    claims = link.claims
    name = claims.get("preferred_username") or claims.get("login") or claims.get("name")
    return LoginView(
        id=link.id,
        method=link.method,
        title=str(claims.get("title") or link.method),
        name=name,
        email=link.email,
        linked_at=link.linked_at,
        last_used=link.last_ok,
        removed=link.unlinked_at,
    )


def logins_routes(prefix: str, arguments: dict[str, Any]) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    return [
        (rf"{prefix}api/v1/account/logins", LoginsHandler, arguments),
        (rf"{prefix}api/v1/account/logins/([1-9][0-9]{{0,8}})", LoginHandler, arguments),
        (rf"{prefix}api/v1/account/merged/([^/]+)", MergedHandler, arguments),
    ]
