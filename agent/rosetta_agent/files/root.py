"""The root of a storage: made where it is missing, and opened as the owner of the files."""

import contextlib
import os
from typing import List, NamedTuple, Optional, Tuple

from rosetta_agent.files.errors import FilesError, explained
from rosetta_agent.safe_paths import open_directory

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITABLE_BY_OTHERS = 0o022

Owner = NamedTuple("Owner", [("uid", int), ("gid", int), ("groups", Tuple[int, ...])])


def parse_owner(arguments: List[str]) -> Optional[Owner]:
    """The owner that the command line names: uid, gid and groups; None where it names none.

    Raises:
        ValueError: these are no numbers.
    """
    if not arguments:
        return None
    uid, gid, groups = arguments
    return Owner(int(uid), int(gid), tuple(int(group) for group in groups.split(",") if group))


def open_root(path: bytes, owner: Optional[Owner], create: bool) -> int:
    """Become the owner, if one is named, and open the directory; returns a descriptor.

    With ``create`` the last part of the path is made, closed to everybody else. As root only links
    that root has made are followed: the path may lead through directories of users.

    Raises:
        FilesError: it is absent, or this account may not become the owner, make or open it.
    """
    if not path.startswith(b"/") or b"\0" in path:
        raise FilesError("invalid", "The root of the storage is no absolute path.")
    with explained(path):
        if owner is not None:
            is_made = create and _make_for(path, owner)
            _become(owner)
            create = create and not is_made
        if create:
            _make(path)
        directory = open_directory(path)
        try:
            return os.open(".", _DIRECTORY, dir_fd=directory)
        finally:
            os.close(directory)


def _make_for(path: bytes, owner: Owner) -> bool:
    """Make the directory as root, where root alone may write to the one above it.

    Returns whether it did, or needed not: elsewhere its owner has to make it. As root, one could
    be led to give a directory of somebody else away.
    """
    above, name = os.path.split(os.path.normpath(path))
    try:
        parent = open_directory(above)
    except PermissionError:  # a file server that does not trust root
        return False
    try:
        info = os.fstat(parent)
        if info.st_uid != 0 or info.st_mode & _WRITABLE_BY_OTHERS:
            return False
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
        except FileExistsError:
            return True
        directory = os.open(name, _DIRECTORY, dir_fd=parent)
        os.fchown(directory, owner.uid, owner.gid)
        os.close(directory)
        return True
    finally:
        os.close(parent)


def _become(owner: Owner) -> None:
    """Become another account for good."""
    os.setgroups(list(owner.groups))
    os.setresgid(owner.gid, owner.gid, owner.gid)
    os.setresuid(owner.uid, owner.uid, owner.uid)


def _make(path: bytes) -> None:
    above, name = os.path.split(os.path.normpath(path))
    parent = open_directory(above)
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=parent)
    finally:
        os.close(parent)
