"""The directories that a task sees: the part of the spec that names them, read and checked."""

import os
import posixpath
import re
from typing import NamedTuple, Optional, Tuple

from rosetta_agent.errors import SpecError
from rosetta_agent.fields import Fields
from rosetta_agent.mountinfo import is_below

#: Options of the engines end at commas, and their short notations at colons.
_PATH = re.compile(r"/[^\x00-\x1f\x7f:,]*\Z")
#: What a container needs of its own; nothing may cover it.
_RESERVED = ("/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr")
#: File systems of the kernel: nothing may be below, either.
_KERNEL = ("/dev", "/proc", "/sys")


class Owner(NamedTuple):
    """Whose the files are: numbers of a user and of the group, as on the disk."""

    uid: int
    gid: int


class Bind(NamedTuple):
    """A directory of the machine, seen in the container.

    ``create``: it is made where it is missing. ``home``: it is the container's ``$HOME``.
    ``within`` is the directory that no link on the way to ``source`` may leave, for what users
    name. Files belong to ``owner``; None is the agent's own account.
    """

    source: str
    target: str
    read_only: bool
    create: bool = False
    home: bool = False
    within: Optional[str] = None
    owner: Optional[Owner] = None


def parse_binds(fields: Fields) -> Tuple[Bind, ...]:
    """Read the key ``binds``.

    Raises:
        SpecError: a path is not absolute and plain, two targets are in each other's way, a
            target hides what every container needs, or two are the home.
    """
    binds = tuple(_bind(section) for section in fields.sections("binds"))
    for number, bind in enumerate(binds):
        others = [other for other in binds[:number] if _overlap(bind.target, other.target)]
        if others:
            raise SpecError(
                "binds: {} and {} are in each other's way".format(others[0].target, bind.target)
            )
    if sum(bind.home for bind in binds) > 1:
        raise SpecError("binds: more than one is the home")
    return binds


def home_of(binds: Tuple[Bind, ...]) -> Optional[Bind]:
    """The bind that is the container's home."""
    return next((bind for bind in binds if bind.home), None)


def _bind(fields: Fields) -> Bind:
    owner = fields.optional_section("owner")
    return Bind(
        source=_path(fields, "source"),
        target=_target(fields),
        read_only=fields.flag("read_only", default=False),
        create=fields.flag("create", default=False),
        home=fields.flag("home", default=False),
        within=None if fields.optional_text("within", _PATH) is None else _path(fields, "within"),
        owner=None if owner is None else Owner(owner.integer("uid", 0), owner.integer("gid", 0)),
    )


def _path(fields: Fields, key: str) -> str:
    path = fields.text(key, _PATH)
    plain = path.rstrip("/") or "/"
    if posixpath.normpath(plain) != plain or plain.startswith("//"):
        raise SpecError("binds: {}: {} is not a plain path".format(key, path))
    return plain


def _target(fields: Fields) -> str:
    path = _path(fields, "target")
    for reserved in _RESERVED:
        if is_below(reserved, path) or (reserved in _KERNEL and is_below(path, reserved)):
            raise SpecError("binds: {} would hide what a container needs".format(path))
    return path


def _overlap(path: str, other: str) -> bool:
    return is_below(path, other) or is_below(other, path)


def path_below(bind: Bind) -> Optional[str]:
    """The source, relative to ``within``; None where it is not below, or nothing is given."""
    if bind.within is None or not is_below(bind.source, bind.within):
        return None
    return os.path.relpath(bind.source, bind.within)
