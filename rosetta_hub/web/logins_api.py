"""`api/v1/account/logins`: the user's own logins, where the authenticator is Rosetta Hub's.

A login is added on a page of the hub, where its owner proves it: no token can do that.
"""

from datetime import datetime

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
from rosetta_hub.web.operations import operation
from rosetta_hub.web.rights import CHANGE_OWNED, READ_OWN


class LoginView(BaseModel):
    """A login of the user; `removed` says since when it does not lead here any more."""

    id: int
    method: str
    title: str
    name: str | None
    email: str | None
    linked_at: datetime
    last_used: datetime
    removed: datetime | None


class LoginList(BaseModel):
    """The logins of the user, those that were removed, and merged users.

    `add_url` is the page of the hub where a login is added.
    """

    logins: list[LoginView]
    merged: list[str]
    add_url: str


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

    path = "account/logins"

    @operation(id="list_logins", right=READ_OWN, answer=LoginList, refuses=(404,))
    def get(self) -> LoginList:
        """The user's logins, those that were removed, and merged users."""
        with self.database.session() as session:
            logins = [view(link) for link in links_to_show(session, self.principal.name)]
            merged = merged_users(session, self.principal.name)
        add_url = f"{self.hub_auth.hub_prefix}rosetta/logins"
        return LoginList(logins=logins, merged=merged, add_url=add_url)


class LoginHandler(OwnLoginsHandler):
    """`api/v1/account/logins/<id>`."""

    path = "account/logins/{login}"

    @operation(id="restore_login", right=CHANGE_OWNED, answer=LoginView, refuses=(409,))
    def post(self, link: str) -> LoginView:
        """Put a removed login in force again."""
        with self.database.session() as session:
            row = self._find(session, link)
            if row.active_key is None:
                relink(session, row)
        self.audit(AuditEvent.LOGIN_LINK, user=self.principal.name, target=row.method)
        return view(row)

    @operation(id="remove_login", right=CHANGE_OWNED, refuses=(409,))
    def delete(self, link: str) -> None:
        """Remove a login; whoever is logged in by it is logged out within the refresh time."""
        with self.database.session() as session:
            row = unlink(session, self.principal.name, int(link))
        self.audit(AuditEvent.LOGIN_UNLINK, user=self.principal.name, target=row.method)

    def _find(self, session: Session, link: str) -> LoginLink:
        row = session.get(LoginLink, int(link))
        if row is None or row.user != self.principal.name:
            raise NotFound("There is no such login.")
        return row


class MergedHandler(OwnLoginsHandler):
    """`api/v1/account/merged/<user>`: users who were merged into this one."""

    path = "account/merged/{user}"

    @operation(id="separate_user", right=CHANGE_OWNED)
    def delete(self, user: str) -> None:
        """Separate a user who was merged, whose logins lead to the user from now on."""
        with self.database.session() as session:
            separate_users(session, self.principal.name, user)
        self.audit(AuditEvent.LOGIN_UNLINK, user=self.principal.name, target=user)


def links_to_show(session: Session, user: str) -> list[LoginLink]:
    """The links of a user, and of those that were removed the last one of each login."""
    present = links_of_user(session, user)
    logins = {(link.issuer, link.subject) for link in present}
    query = select(LoginLink).where(LoginLink.user == user, LoginLink.active_key.is_(None))
    removed = []
    for link in session.scalars(query.order_by(LoginLink.id.desc())):
        if (link.issuer, link.subject) not in logins:
            logins.add((link.issuer, link.subject))
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
