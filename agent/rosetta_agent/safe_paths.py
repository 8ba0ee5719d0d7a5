"""Paths below a directory that no link leaves, however they change meanwhile (openat2(2)).

Links within the directory are followed where the kernel is 5.6 or newer. An older one has no
openat2: there the path is opened name by name, and links are refused.
"""

import ctypes
import errno
import functools
import os
import stat
import struct
from typing import List, Union

_SYS_OPENAT2 = 437  # the same on all architectures (syscalls(2))
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_BENEATH = 0x08
_RESOLVE = _RESOLVE_NO_MAGICLINKS | _RESOLVE_BENEATH
#: A concurrent rename makes the kernel unsure whether the path stayed below (openat2(2), EAGAIN).
_TRIES = 1000
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_LINKS = 40
_LIBC = ctypes.CDLL(None, use_errno=True)

Path = Union[str, bytes]


def open_beneath(root: int, path: Path, flags: int, mode: int = 0) -> int:
    """Open a path below the directory ``root`` (a descriptor); "" is the directory itself.

    ``flags`` and ``mode`` are those of open(2); O_CLOEXEC is added.

    Raises:
        OSError: EXDEV where the path leads out of the directory (also by ``..``, an absolute
            link or a link of /proc), ELOOP for any link on an old kernel; what open(2) raises.
    """
    name = os.fsencode(path) or b"."
    flags |= os.O_CLOEXEC
    if name.startswith(b"/"):
        raise _error(errno.EXDEV, path)
    if not has_openat2():
        return _walk(root, name, flags, mode)
    for _attempt in range(_TRIES):
        descriptor = _openat2(root, name, flags, mode)
        if descriptor >= 0:
            return descriptor
        number = ctypes.get_errno()
        if number not in (errno.EAGAIN, errno.EINTR):
            raise _error(number, path)
    raise _error(errno.EAGAIN, path)


def open_directory(path: Path) -> int:
    """Open a directory; root follows only links that root has made.

    Raises:
        OSError: ELOOP for a link of somebody else; what open(2) raises.
    """
    if os.geteuid() != 0:
        return os.open(path, _DIRECTORY)
    directory, names, links = os.open("/", _DIRECTORY), _names(os.fsdecode(path)), 0
    try:
        while names:
            step = os.open(names.pop(0), _STEP, dir_fd=directory)
            info = os.fstat(step)
            if not stat.S_ISLNK(info.st_mode):
                os.close(directory)
                directory = step
                continue
            target, links = os.readlink("", dir_fd=step), links + 1
            os.close(step)
            if info.st_uid != 0 or links > _MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            names = _names(target) + names
            if target.startswith("/"):
                os.close(directory)
                directory = os.open("/", _DIRECTORY)
        return os.open(".", _DIRECTORY, dir_fd=directory)
    finally:
        os.close(directory)


def _names(path: str) -> List[str]:
    return [name for name in path.split("/") if name not in ("", ".")]


@functools.lru_cache(maxsize=None)
def has_openat2() -> bool:
    """Whether this kernel has openat2, and nothing such as a seccomp filter forbids it."""
    root = os.open("/", os.O_PATH | os.O_DIRECTORY)
    try:
        descriptor = _openat2(root, b".", os.O_PATH | os.O_CLOEXEC, 0)
        if descriptor < 0:
            return False
        os.close(descriptor)
        return True
    finally:
        os.close(root)


def _openat2(root: int, name: bytes, flags: int, mode: int) -> int:
    how = struct.pack("=QQQ", flags, mode, _RESOLVE)
    return int(_LIBC.syscall(_SYS_OPENAT2, root, name, how, ctypes.c_size_t(len(how))))


def _walk(root: int, name: bytes, flags: int, mode: int) -> int:
    names = [part for part in name.split(b"/") if part not in (b"", b".")]
    if b".." in names:
        raise _error(errno.EXDEV, name)
    directory = os.dup(root)
    try:
        for part in names[:-1]:
            below = os.open(
                part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory
            )
            os.close(directory)
            directory = below
        last = names[-1] if names else b"."
        return os.open(last, flags | os.O_NOFOLLOW, mode, dir_fd=directory)
    finally:
        os.close(directory)


def _error(number: int, path: Path) -> OSError:
    return OSError(number, os.strerror(number), path)
