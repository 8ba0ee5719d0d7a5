"""Spaces of the hub's registry: which repositories are a user's, and which are a group's.

`alice/…` is alice's, `groups/physics/…` that of the group physics. Both are apart, because whoever
may choose a user name could take that of a group otherwise.
"""

import hashlib
import re
from collections.abc import Set

# One part of a repository's name (OCI distribution specification, "Pulling manifests").
_PART = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_OTHER = re.compile(r"[^a-z0-9]+")
_GROUPS = "groups"
_LONGEST_PART = 100


def user_space(user: str) -> str:
    """The first part of the names of a user's repositories."""
    part = _part(user)
    return _escaped(user) if part == _GROUPS else part


def group_space(group: str) -> str:
    """The first two parts of the names of a group's repositories."""
    return f"{_GROUPS}/{_part(group)}"


def spaces_of(user: str, groups: Set[str]) -> list[str]:
    """The spaces of a user: the own one, and those of the user's groups."""
    return [user_space(user), *(group_space(group) for group in sorted(groups))]


def space_of(repository: str) -> str:
    """The space that a repository is in."""
    parts = repository.split("/")
    return "/".join(parts[:2] if parts[0] == _GROUPS else parts[:1])


def is_within(repository: str, spaces: list[str]) -> bool:
    """Whether a repository is in one of these spaces, and has a name of its own there."""
    space = space_of(repository)
    return space in spaces and len(repository) > len(space) + 1


def _part(name: str) -> str:
    """The name, where it can be part of a repository's; otherwise one like it.

    No two names have the same: a name that looks like an escaped one is escaped, too.
    """
    is_part = _PART.fullmatch(name) and "--" not in name and len(name) <= _LONGEST_PART
    return name if is_part else _escaped(name)


def _escaped(name: str) -> str:
    similar = _OTHER.sub("-", name.lower()).strip("-")[:_LONGEST_PART].strip("-") or "user"
    return f"{similar}--{hashlib.sha256(name.encode()).hexdigest()[:16]}"
