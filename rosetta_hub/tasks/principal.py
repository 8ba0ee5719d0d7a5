"""Who asks, and what they may do: the hub's users, tokens and scopes decide."""

from dataclasses import dataclass, field
from typing import Any

from jupyterhub.services.auth import check_scopes

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.database.models import Task
from rosetta_hub.errors import NotAllowed, NotFound
from rosetta_hub.tasks.queries import ABSENT
from rosetta_hub.tasks.view import Rights

# Each of them shows a task.
_SEES = ("access:servers", "read:servers")


@dataclass(frozen=True)
class Principal:
    """A user or service of the hub, with the scopes of the token that it came with."""

    name: str
    groups: frozenset[str]
    admin: bool
    scopes: frozenset[str] = field(repr=False)

    @classmethod
    def from_model(cls, model: dict[str, Any]) -> "Principal":
        """From the hub's answer to `GET /hub/api/user`."""
        return cls(
            name=model["name"],
            groups=frozenset(model.get("groups") or ()),
            admin=bool(model.get("admin")),
            scopes=frozenset(model.get("scopes") or ()),
        )

    @property
    def user(self) -> User:
        """The principal as the catalogue knows users."""
        return User(self.name, self.groups, self.admin)

    def may(self, scope: str, user: str, server_name: str) -> bool:
        """Whether the principal has the scope for that server, for all servers, or for its user.

        Filters are those of the hub: none, `!user=`, `!server=` (JupyterHub, "Scopes"). It answers
        as the hub's `check_scopes`, which takes a hundred times as long: a list asks for each task.
        """
        return self.may_all(scope, user) or f"{scope}!server={user}/{server_name}" in self.scopes

    def may_all(self, scope: str, user: str) -> bool:
        """Whether the principal has the scope for all servers of a user."""
        return scope in self.scopes or f"{scope}!user={user}" in self.scopes

    def rights(self, task: Task) -> Rights:
        """What the principal may do with the task now."""
        stop = self.may("delete:servers", task.user, task.server_name)
        start = self.may("servers", task.user, task.server_name)
        return Rights(
            stop=stop and not task.state.final,
            start=start and task.state.final,
            delete=stop,
            log=self.may("access:servers", task.user, task.server_name),
            keep=start and not task.state.final,
            extend=start and self.admin and not task.state.final,
        )

    def sees(self, user: str, server_name: str) -> bool:
        """Whether the task of that server is shown to the principal at all."""
        return any(self.may(scope, user, server_name) for scope in _SEES)

    def is_named_by(self, kind: str, name: str) -> bool:
        """Whether a share with a user or a group (with empty names: any share) is with this one."""
        return not kind or (name in self.groups if kind == "group" else name == self.name)

    def owners(self) -> tuple[set[str], set[tuple[str, str]]] | None:
        """Users all of whose tasks the principal sees, and single servers besides.

        None: the principal sees everybody's.
        """
        users, servers = set[str](), set[tuple[str, str]]()
        for scope in self.scopes:
            name, _, limit = scope.partition("!")
            kind, _, value = limit.partition("=")
            if name not in _SEES:
                continue
            if not limit:
                return None
            if kind == "user":
                users.add(value)
            elif kind == "server":
                user, _, server = value.partition("/")
                servers.add((user, server))
        return users, servers

    @property
    def administers(self) -> bool:
        """Whether the principal is an admin of the hub, with a token for everybody's servers.

        A token that an admin has made for less does not administer.
        """
        return self.admin and "servers" in self.scopes

    def check_admin(self) -> None:
        """Refuse everybody but administrators.

        Raises:
            NotAllowed: the principal is none, or its token may do less.
        """
        if not self.administers:
            raise NotAllowed(
                "This is for administrators of the hub. A token has to hold the scope 'servers'"
                " for all users."
            )

    def check_own(self, *scopes: str) -> None:
        """Refuse what the principal's token may not do with the principal's own settings.

        Raises:
            NotAllowed: the token has none of the scopes.
        """
        if not any(self.may_all(scope, self.name) for scope in scopes):
            raise NotAllowed(f"This token may not do that: it lacks the scope {scopes[0]!r}.")

    def check_scope(self, scope: str) -> None:
        """Refuse what a token may not do that lacks a scope without a filter.

        Raises:
            NotAllowed: the token lacks the scope.
        """
        if not check_scopes([scope], set(self.scopes)):
            raise NotAllowed(f"This token may not do that: it lacks the scope {scope!r}.")

    def check(self, scope: str, task: Task) -> None:
        """Refuse what the principal may not do.

        Raises:
            NotFound: it lacks the scope; the answer does not tell whether the task exists.
        """
        if not self.may(scope, task.user, task.server_name):
            raise NotFound(ABSENT)
