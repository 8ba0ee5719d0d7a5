"""Who the program runs as: it becomes the owner of the files before it opens any."""

import os
import stat
from typing import List, NamedTuple, Optional, Tuple

from rosetta_agent.files.errors import FilesError, explained, show

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OTHERS_MAY_WRITE = 0o022

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


def become(owner: Owner) -> None:
    """Become another account for good; raises OSError where this one may not."""
    os.setgroups(list(owner.groups))
    os.setresgid(owner.gid, owner.gid, owner.gid)
    os.setresuid(owner.uid, owner.uid, owner.uid)


def create_for(owner: Owner, root: bytes) -> None:
    """Make a directory of an owner's own, as root, where it is absent.

    Only below directories that nobody but root can change: no link, and no rename, can lead
    elsewhere.

    Raises:
        FilesError: the directory above is absent, or others can change it or one above it.
    """
    above, name = os.path.split(os.path.normpath(root))
    with explained(root):
        directory = _open_trusted(above)
        try:
            os.mkdir(name, 0o700, dir_fd=directory)
        except FileExistsError:
            return
        else:
            created = os.open(name, _DIRECTORY, dir_fd=directory)
            os.fchown(created, owner.uid, owner.gid)
            os.close(created)
        finally:
            os.close(directory)


def _open_trusted(path: bytes) -> int:
    directory = os.open("/", _DIRECTORY)
    for name in path.split(b"/"):
        if name:
            below = os.open(name, _DIRECTORY, dir_fd=directory)
            os.close(directory)
            directory = below
        info = os.fstat(directory)
        if info.st_uid != 0 or stat.S_IMODE(info.st_mode) & _OTHERS_MAY_WRITE:
            os.close(directory)
            message = "It can't be created: others than root can change {}, or one above it."
            raise FilesError("permission", message.format(show(path)))
    return directory
