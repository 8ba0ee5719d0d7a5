"""Whose the files of a storage on the hub's machine are."""

import os
import pwd
import re
from pathlib import Path
from typing import NamedTuple

from rosetta_hub.errors import StorageRefused

LOGIN_DEFS = Path("/etc/login.defs")

_UID_MIN = re.compile(r"^UID_MIN\s+(\d+)", re.MULTILINE)
_NOBODY = 65534


class Owner(NamedTuple):
    """Whose files are: the numbers of a user and of the group."""

    uid: int
    gid: int


def local_owner(owner: str | int, user: str) -> Owner | None:
    """Whose files a storage with this key `owner` has for a user; None: the service's own.

    Raises:
        StorageRefused: the user has no account on this machine, or one of the system itself.
    """
    if owner == "service":
        return None
    if isinstance(owner, int):
        return Owner(owner, _group_of(owner))
    try:
        account = pwd.getpwnam(user)
    except (KeyError, ValueError) as exc:
        raise StorageRefused(
            f"You have no account {user!r} on the machine of the files. Ask its administrator for"
            " one."
        ) from exc
    # Hub names are easier to get than accounts: nobody becomes root or postgres by their name.
    if account.pw_uid < _first_user() or account.pw_uid == _NOBODY:
        raise StorageRefused(
            f"The account {user!r} on the machine of the files belongs to the system. Use the hub"
            " under another name."
        )
    return Owner(account.pw_uid, account.pw_gid)


def pod_owner(owner: str | int, user: str) -> Owner | None:
    """Whose files a storage with this key `owner` has in pods; None: nobody's in particular.

    With `system` a user has the numbers of the account on this machine: a file server that both
    use knows its users by them.

    Raises:
        StorageRefused: see `local_owner`.
    """
    # Of a cluster, whose groups nobody here knows.
    return Owner(owner, owner) if isinstance(owner, int) else local_owner(owner, user)


def other_groups(user: str, owner: Owner) -> tuple[int, ...]:
    """The groups of an account of this machine beside its own; root's is none of them."""
    groups = set(os.getgrouplist(user, owner.gid)) - {0, owner.gid}
    return tuple(sorted(groups))


def _group_of(uid: int) -> int:
    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return uid


def _first_user() -> int:
    """The lowest uid that is a user's, not the system's (login.defs(5))."""
    try:
        match = _UID_MIN.search(LOGIN_DEFS.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        match = None
    return max(1, int(match[1])) if match else 1000
