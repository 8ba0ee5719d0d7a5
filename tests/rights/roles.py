"""The roles that ask, with what the hub says of their tokens, and what their rights allow."""

from dataclasses import dataclass
from typing import Any

from jupyterhub.services.auth import check_scopes

from rosetta_hub.web.rights import Right, RightSubject

ACCESS = "access:services!service=rosetta"
CREATED = "2026-11-01T12:00:00.123456Z"
VERBS = ("access:servers", "servers", "read:servers", "delete:servers", "shares", "tokens")
TEAM = "team"
SERVER = "x"


@dataclass(frozen=True)
class Role:
    """Somebody who asks; without a name nobody, or a token that the hub does not know."""

    token: str
    name: str = ""
    scopes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    admin: bool = False
    kind: str = "user"

    @property
    def model(self) -> dict[str, Any] | None:
        """What the hub answers to the token."""
        if not self.name:
            return None
        model = {"name": self.name, "kind": self.kind, "groups": [*self.groups]}
        return {**model, "admin": self.admin, "created": CREATED, "scopes": [*self.scopes]}

    def has(self, right: Right) -> bool:
        """Whether the role may do what needs the right, on what alice or her group has."""
        if right.subject is RightSubject.ANYBODY:
            return True
        if ACCESS not in self.scopes:
            return False
        limit = {
            RightSubject.TASK: f"!server=alice/{SERVER}",
            RightSubject.NAMED_USER: "!user=alice",
            RightSubject.ADMINS: "",
        }.get(right.subject, f"!user={self.name}")
        values = [f"{scope}{limit}" for scope in right.scopes]
        value = not values or any(check_scopes([item], set(self.scopes)) for item in values)
        return value and self._is_one_of(right.subject)

    def _is_one_of(self, subject: RightSubject) -> bool:
        if subject is RightSubject.OWNER:
            return self.name == "alice"
        if subject is RightSubject.MEMBERS:
            return TEAM in self.groups
        return self.admin or subject is not RightSubject.ADMINS


def own_scopes(name: str) -> tuple[str, ...]:
    """What a user's token has that the user makes without naming scopes."""
    own = ("read:users:name", "read:users:groups")
    return (ACCESS, *(f"{verb}!user={name}" for verb in (*VERBS, *own)))


def _scopes_of_server(server: str) -> tuple[str, ...]:
    return (ACCESS, *(f"{verb}!server={server}" for verb in VERBS[:4]))


ROLES = {
    "anonymous": Role(""),
    "unknown token": Role("made-up"),
    "outsider": Role("bob", "bob", own_scopes("bob")),
    "power user": Role("pat", "pat", own_scopes("pat"), ("staff",)),
    "group member": Role("carol", "carol", own_scopes("carol"), (TEAM,)),
    "guest of a share": Role(
        "gwen", "gwen", (*own_scopes("gwen"), f"access:servers!server=alice/{SERVER}")
    ),
    "guest of another share": Role(
        "hugo", "hugo", (*own_scopes("hugo"), "access:servers!server=alice/other")
    ),
    "owner": Role("alice", "alice", own_scopes("alice"), (TEAM,)),
    "owner's token that reads": Role(
        "alice-reads", "alice", (ACCESS, "read:servers!user=alice"), (TEAM,)
    ),
    "owner's token of another server": Role(
        "alice-other", "alice", _scopes_of_server("alice/other"), (TEAM,)
    ),
    "owner's token without the service": Role(
        "alice-none", "alice", own_scopes("alice")[1:], (TEAM,)
    ),
    "admin": Role("root", "root", (ACCESS, *VERBS, "admin:users", "admin:groups"), admin=True),
    "admin's token of own servers": Role("root-own", "root", own_scopes("root"), admin=True),
    # Of the same name as the owner: a name alone gives no right.
    "service": Role("service", "alice", (ACCESS, "list:users"), kind="service"),
}
BY_TOKEN = {role.token: role for role in ROLES.values()}
