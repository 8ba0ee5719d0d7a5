"""The least right that each operation of the REST API needs, as its description says (`x-right`).

An operation names scopes of the hub, any of which is enough, and whose servers they are about.
A principal without the right is told that there is nothing, or that the token lacks a scope.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class RightSubject(StrEnum):
    """Whose servers a scope has to be about, or who else may call."""

    ANYBODY = "anybody"
    USERS = "users"
    PRINCIPAL = "principal"
    TASK = "task"
    NAMED_USER = "named user"
    OWNER = "owner"
    MEMBERS = "members"
    ADMINS = "admins"


# Those whose scopes are of the principal's own servers, whatever the address names.
OWN_SUBJECTS = frozenset({RightSubject.PRINCIPAL, RightSubject.OWNER, RightSubject.MEMBERS})
_WHOSE = {
    RightSubject.ANYBODY: "No token of the hub is needed",
    RightSubject.USERS: "Any token that the service accepts",
    RightSubject.PRINCIPAL: "for the user's own servers",
    RightSubject.TASK: "for the server of the task",
    RightSubject.NAMED_USER: "for all servers of the user in the address",
    RightSubject.OWNER: (
        "for the user's own servers; what the address names must be the user's own"
    ),
    RightSubject.MEMBERS: (
        "for the user's own servers; what the address names must be the user's own, or of a"
        " group of the user"
    ),
    RightSubject.ADMINS: "for everybody's servers, and the user must be an admin of the hub",
}


@dataclass(frozen=True)
class Right:
    """What a principal needs: one of the scopes, for what `subject` says."""

    subject: RightSubject
    scopes: tuple[str, ...] = ()

    def describe(self) -> str:
        """The right in words."""
        if not self.scopes:
            return f"{_WHOSE[self.subject]}."
        return f"Scope {' or '.join(self.scopes)} {_WHOSE[self.subject]}."


LOGGED_IN = Right(RightSubject.USERS)
READ_OWN = Right(RightSubject.PRINCIPAL, ("read:servers",))
ENTER_OWN = Right(RightSubject.PRINCIPAL, ("access:servers",))
CHANGE_OWN = Right(RightSubject.PRINCIPAL, ("servers",))
SEE_TASK = Right(RightSubject.TASK, ("access:servers", "read:servers"))
ENTER_TASK = Right(RightSubject.TASK, ("access:servers",))
START_TASK = Right(RightSubject.TASK, ("servers",))
STOP_TASK = Right(RightSubject.TASK, ("delete:servers",))
# Owners and admins share with the scope that starts and stops a server, others with the hub's own.
SHARE_TASK = Right(RightSubject.TASK, ("servers", "shares"))
STOP_USER = Right(RightSubject.NAMED_USER, ("delete:servers",))
READ_OWNED = Right(RightSubject.OWNER, ("read:servers",))
ENTER_OWNED = Right(RightSubject.OWNER, ("access:servers",))
CHANGE_OWNED = Right(RightSubject.OWNER, ("servers",))
READ_OF_GROUP = Right(RightSubject.MEMBERS, ("read:servers",))
CHANGE_OF_GROUP = Right(RightSubject.MEMBERS, ("servers",))
ADMINISTER = Right(RightSubject.ADMINS, ("servers",))
# Where something else than a token of the hub is checked, such as a secret in the request.
NO_LOGIN = Right(RightSubject.ANYBODY)


def needs(right: Right, call: dict[str, Any]) -> dict[str, Any]:
    """The operation with the right that it needs; what has one keeps it."""
    if "x-right" in call:
        return call
    document: dict[str, Any] = {"of": right.subject.value, "scopes": list(right.scopes)}
    description = "\n\n".join(filter(None, (call.get("description"), right.describe())))
    described = {**call, "description": description, "x-right": document}
    return described | ({"security": []} if right.subject is RightSubject.ANYBODY else {})
