"""The root of a storage, and paths below it that no link leads out of."""

import contextlib
import os
import stat
from typing import Iterator, NamedTuple, Optional

from rosetta_agent.files.errors import explained, refuse, translate
from rosetta_agent.safe_paths import has_openat2, open_beneath

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
#: A file is opened only if it was a regular one just before; should it be swapped for a FIFO or a
#: terminal, opening neither waits nor has an effect.
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
_MAX_LINKS = 40

#: An entry by its directory (a descriptor) and its name there; ``path`` is for messages.
Place = NamedTuple("Place", [("directory", int), ("name", bytes), ("path", bytes)])


class Storage:
    """A directory that is served; all methods raise FilesError."""

    def __init__(self, root: int, is_read_only: bool = False) -> None:
        self.root = root
        self.is_read_only = is_read_only

    def open(self, path: bytes, flags: int) -> int:
        """Open a path, links within the storage followed; returns a descriptor."""
        with explained(path):
            return open_beneath(self.root, path, flags)

    @contextlib.contextmanager
    def directory(self, path: bytes) -> Iterator[int]:
        """An open directory."""
        descriptor = self.open(path, _DIRECTORY)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def place(self, path: bytes) -> Iterator[Place]:
        """The entry itself, a link not followed; those above it are.

        The root has the name ``.``.
        """
        above, _, name = path.rpartition(b"/")
        with self.directory(above) as directory:
            yield Place(directory, name or b".", path)

    @contextlib.contextmanager
    def target(self, path: bytes) -> Iterator[Place]:
        """The entry, or the one that a link leads to, which need not exist."""
        for _attempt in range(_MAX_LINKS):
            with self.place(path) as place:
                link = read_link(place)
                if link is None:
                    yield place
                    return
                if not has_openat2() or link.startswith(b"/"):
                    raise refuse("outside", path)
                # Not simplified: the parts above may be links, too. The kernel resolves them.
                path = b"/".join(filter(None, (path.rpartition(b"/")[0], link.rstrip(b"/"))))
                if path.rpartition(b"/")[2] in (b"..", b".", b""):
                    raise refuse("is_directory", path)
        raise refuse("outside", path)

    @contextlib.contextmanager
    def file(self, path: bytes) -> Iterator[int]:
        """A regular file, open for reading."""
        info = self.info(path)
        _check_regular(info, path)
        descriptor = self.open(path, _FILE)
        try:
            _check_regular(os.fstat(descriptor), path)
            yield descriptor
        finally:
            os.close(descriptor)

    def info(self, path: bytes) -> os.stat_result:
        """The state of what a path leads to."""
        descriptor = self.open(path, os.O_PATH)
        try:
            with explained(path):
                return os.fstat(descriptor)
        finally:
            os.close(descriptor)


def lstat(place: Place) -> os.stat_result:
    """The state of the entry itself."""
    try:
        return os.stat(place.name, dir_fd=place.directory, follow_symlinks=False)
    except OSError as error:
        raise translate(error, place.path) from error


def exists(place: Place) -> bool:
    """Whether there is an entry, be it a link that leads nowhere."""
    try:
        os.stat(place.name, dir_fd=place.directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise translate(error, place.path) from error
    return True


def read_link(place: Place) -> Optional[bytes]:
    """Where a link leads; None where the entry is none, or absent."""
    try:
        return os.readlink(place.name, dir_fd=place.directory)
    except OSError:
        return None


def open_child(place: Place, info: os.stat_result) -> int:
    """Open a regular file or a directory by its place, never through a link."""
    is_directory = stat.S_ISDIR(info.st_mode)
    if not is_directory:
        _check_regular(info, place.path)
    flags = (_DIRECTORY if is_directory else _FILE) | os.O_NOFOLLOW | os.O_CLOEXEC
    with explained(place.path):
        descriptor = os.open(place.name, flags, dir_fd=place.directory)
    try:
        if not is_directory:
            _check_regular(os.fstat(descriptor), place.path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_regular(info: os.stat_result, path: bytes) -> None:
    if stat.S_ISDIR(info.st_mode):
        raise refuse("is_directory", path)
    if not stat.S_ISREG(info.st_mode):
        raise refuse("special", path)
