"""Mounts of a directory that show its files as another user's (mount_setattr(2)).

The mount is of a directory that is open already: nobody can exchange the directory meanwhile.
Engines are given its mount point like any directory, and need no help of their own. Where an
engine learns to map owners itself, this module is what it replaces.
"""

import contextlib
import ctypes
import errno
import os
import signal
import struct
from typing import Iterator, NamedTuple, Sequence, Tuple

_LIBC = ctypes.CDLL(None, use_errno=True)
#: The same on all architectures (syscalls(2)).
_SYS_OPEN_TREE, _SYS_MOVE_MOUNT, _SYS_MOUNT_SETATTR = 428, 429, 442
_OPEN_TREE_CLONE, _OPEN_TREE_CLOEXEC = 0x1, os.O_CLOEXEC
_AT_EMPTY_PATH, _AT_RECURSIVE = 0x1000, 0x8000
_MOVE_MOUNT_F_EMPTY_PATH = 0x4
_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID, _MOUNT_ATTR_NODEV = 0x1, 0x2, 0x4
_MOUNT_ATTR_IDMAP = 0x100000
_MS_BIND, _MS_REC, _MNT_DETACH = 0x1000, 0x4000, 0x2
_CLONE_NEWUSER = 0x10000000
#: What a kernel, or a file system, answers that does not map owners.
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM)


class OwnersNotMapped(OSError):
    """The kernel or the file system can't show files as another user's."""


class IdMap(NamedTuple):
    """Pairs of user numbers and of group numbers: on the disk, and as the mount shows them.

    Files of anybody else belong to nobody there, and not even root may do more with them than
    their permissions for others say.
    """

    users: Tuple[Tuple[int, int], ...]
    groups: Tuple[Tuple[int, int], ...]


def mount_directory(directory: int, target: str, read_only: bool) -> None:
    """Mount an open directory, with all that is mounted below it, at ``target``.

    Raises:
        OSError: the kernel refused.
    """
    source = "/proc/self/fd/{}".format(directory).encode("ascii")
    flags = ctypes.c_ulong(_MS_BIND | _MS_REC)
    if _LIBC.mount(source, os.fsencode(target), None, flags, None) != 0:
        raise _error("mount", target)
    if read_only:
        with contextlib.suppress(OSError):  # of an old kernel; the engine is told as well
            _set_attributes(-1, target, _MOUNT_ATTR_RDONLY, 0, _AT_RECURSIVE)


def mount_mapped(directory: int, target: str, read_only: bool, id_map: IdMap) -> None:
    """Mount an open directory at ``target``, with other owners; without what is mounted below.

    Programs there get no rights of their files' owners, and devices are none.

    Raises:
        OwnersNotMapped: the kernel (before 5.12) or the file system has no such mounts.
        OSError: the kernel refused.
    """
    tree = _LIBC.syscall(
        _SYS_OPEN_TREE, directory, b"", _AT_EMPTY_PATH | _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC
    )
    if tree < 0:
        raise _unsupported("open_tree", target)
    try:
        attributes = _MOUNT_ATTR_IDMAP | _MOUNT_ATTR_NOSUID | _MOUNT_ATTR_NODEV
        attributes |= _MOUNT_ATTR_RDONLY if read_only else 0
        with _user_namespace(id_map) as namespace:
            _set_attributes(tree, "", attributes, namespace, _AT_EMPTY_PATH)
        path = os.fsencode(target)
        if _LIBC.syscall(_SYS_MOVE_MOUNT, tree, b"", -100, path, _MOVE_MOUNT_F_EMPTY_PATH) != 0:
            raise _error("move_mount", target)
    finally:
        os.close(tree)


def unmount(target: str) -> None:
    """Take a mount away, also where somebody still uses it.

    Raises:
        OSError: nothing is mounted there (EINVAL), or it may not be.
    """
    if _LIBC.umount2(os.fsencode(target), _MNT_DETACH) != 0:
        raise _error("umount2", target)


def _set_attributes(tree: int, path: str, attributes: int, namespace: int, flags: int) -> None:
    value = struct.pack("=QQQQ", attributes, 0, 0, namespace)  # struct mount_attr
    size = ctypes.c_size_t(len(value))
    if _LIBC.syscall(_SYS_MOUNT_SETATTR, tree, os.fsencode(path), flags, value, size) != 0:
        raise _unsupported("mount_setattr", path)


@contextlib.contextmanager
def _user_namespace(id_map: IdMap) -> Iterator[int]:
    """A user namespace with these numbers, open: the kernel takes the map from one."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _hold_namespace(writing)
    os.close(writing)
    try:
        if os.read(reading, 1) != b"y":
            raise OwnersNotMapped(errno.EPERM, "no user namespace can be made")
        _write_map(child, "uid_map", id_map.users)
        _write_map(child, "gid_map", id_map.groups)
        namespace = os.open("/proc/{}/ns/user".format(child), os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    try:
        yield namespace
    finally:
        os.close(namespace)


def _hold_namespace(writing: int) -> None:
    """In the child: enter a new user namespace, say so, and wait for the end."""
    try:
        os.write(writing, b"y" if _LIBC.unshare(_CLONE_NEWUSER) == 0 else b"n")
        signal.pause()
    finally:
        os._exit(0)


def _write_map(pid: int, name: str, pairs: Sequence[Tuple[int, int]]) -> None:
    lines = ["{} {} 1".format(disk, inside) for disk, inside in pairs]
    with open("/proc/{}/{}".format(pid, name), "w", encoding="ascii") as file:
        file.write("\n".join(lines))


def _unsupported(name: str, target: str) -> OSError:
    error = _error(name, target)
    if error.errno in _UNSUPPORTED:
        return OwnersNotMapped(error.errno, error.strerror, target)
    return error


def _error(name: str, target: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, "{}: {}".format(name, os.strerror(number)), target)
