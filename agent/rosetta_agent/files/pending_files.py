"""Files that have no final name yet, and names that are given without taking one away."""

import contextlib
import ctypes
import errno
import os
import platform
import stat
import threading
from types import TracebackType
from typing import Any, Optional, Set, Tuple, Type

from rosetta_agent.files.errors import explained
from rosetta_agent.files.frames import PART_SUFFIX
from rosetta_agent.files.storage import Place

_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE = 0o666  # umask(2) and the directory's default ACL decide
_LOCK_SECONDS = 5.0
_RENAME_NOREPLACE = 1  # renameat2(2)
# Where the C library has no renameat2, which came with glibc 2.28.
_SYS_RENAMEAT2 = {"x86_64": 316, "aarch64": 276, "ppc64le": 357, "s390x": 347}
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)
_LIBC = ctypes.CDLL(None, use_errno=True)

_lock = threading.Lock()
_pending: Set[Tuple[int, bytes]] = set()


class PendingFile:
    """A new file beside its place, which has its content under the final name or not at all.

    Unless it was given the name it is removed at the end of the ``with``.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.name = new_name()
        with _lock:
            self.file = create_file(place._replace(name=self.name))
            _pending.add((place.directory, self.name))

    def __enter__(self) -> "PendingFile":
        return self

    def __exit__(
        self,
        _type: Optional[Type[BaseException]],
        _error: Optional[BaseException],
        _traceback: Optional[TracebackType],
    ) -> None:
        os.close(self.file)
        key = (self.place.directory, self.name)
        if key in _pending:
            # In this order: the process may end in between, and removes what is pending then.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.name, dir_fd=self.place.directory)
            _pending.discard(key)

    def write(self, data: Any) -> None:
        """Append; raises FilesError (``no_space``, ``quota``) where not all of it fits."""
        with explained(self.place.path):
            write_all(self.file, data)

    def sync(self) -> None:
        """Have it on the disk: some file systems say only now that there is no space."""
        with explained(self.place.path):
            os.fsync(self.file)

    def give_name(self, overwrite: bool) -> None:
        """Give it its name; raises FilesError (``exists``) where that is taken."""
        directory, name, path = self.place
        with explained(path):
            if overwrite:
                os.rename(self.name, name, src_dir_fd=directory, dst_dir_fd=directory)
            else:
                rename_new((directory, self.name), (directory, name))
        _pending.discard((directory, self.name))


def new_name() -> bytes:
    """A name that nothing has, for what gets another one later."""
    return ".{}{}".format(os.urandom(8).hex(), PART_SUFFIX).encode("ascii")


def create_file(place: Place) -> int:
    """Make an empty file, which must not exist, and open it; raises FilesError."""
    with explained(place.path):
        return os.open(place.name, _CREATE, _MODE, dir_fd=place.directory)


def write_all(file: int, data: Any) -> None:
    """Write all of it; raises OSError where not all of it fits."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def remove_pending() -> None:
    """Remove the files without a name, from another thread, at the end of the process.

    No new one appears afterwards, unless the file system hangs.
    """
    _lock.acquire(timeout=_LOCK_SECONDS)
    for directory, name in list(_pending):
        try:
            os.unlink(name, dir_fd=directory)
        except OSError:
            continue


def rename_new(source: Tuple[int, bytes], target: Tuple[int, bytes]) -> None:
    """Rename an entry; raises FileExistsError where the name is taken, and OSError."""
    if _rename_noreplace(source, target) == 0:
        return
    number = ctypes.get_errno()
    if number not in _UNSUPPORTED:
        raise OSError(number, os.strerror(number), target[1])
    info = os.stat(source[1], dir_fd=source[0], follow_symlinks=False)
    if not stat.S_ISDIR(info.st_mode) and _link(source, target):
        os.unlink(source[1], dir_fd=source[0])
        return
    # Directories, and file systems without hard links: there two may do this at once.
    _check_absent(target)
    os.rename(source[1], target[1], src_dir_fd=source[0], dst_dir_fd=target[0])


def _rename_noreplace(source: Tuple[int, bytes], target: Tuple[int, bytes]) -> int:
    arguments = (source[0], source[1], target[0], target[1], _RENAME_NOREPLACE)
    if hasattr(_LIBC, "renameat2"):
        return int(_LIBC.renameat2(*arguments))
    number = _SYS_RENAMEAT2.get(platform.machine())
    if number is None:
        ctypes.set_errno(errno.ENOSYS)
        return -1
    return int(_LIBC.syscall(number, *arguments))


def _link(source: Tuple[int, bytes], target: Tuple[int, bytes]) -> bool:
    """Whether the entry has got a second name; raises FileExistsError where that is taken."""
    try:
        os.link(
            source[1], target[1], src_dir_fd=source[0], dst_dir_fd=target[0], follow_symlinks=False
        )
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS):
            return False
        raise
    return True


def _check_absent(target: Tuple[int, bytes]) -> None:
    try:
        os.stat(target[1], dir_fd=target[0], follow_symlinks=False)
    except FileNotFoundError:
        return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target[1])
