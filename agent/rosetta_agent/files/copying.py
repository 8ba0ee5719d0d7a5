"""The operation ``copy``, within one storage."""

import contextlib
import ctypes
import fcntl
import os
import stat
from typing import Any, Dict, Iterator, List, Set

from rosetta_agent.files.channel import Channel, OperationProgress
from rosetta_agent.files.errors import FilesError, explained, refuse, show
from rosetta_agent.files.frames import CONFLICTS, encode_path
from rosetta_agent.files.names import free_names
from rosetta_agent.files.pending_files import PendingFile, new_name, write_all
from rosetta_agent.files.reading import read_chunks
from rosetta_agent.files.request import Request
from rosetta_agent.files.storage import Place, Storage, exists, lstat, open_child, read_link
from rosetta_agent.files.trees import Node, visit
from rosetta_agent.files.writing import FILE_MODES, check_named

_FICLONE = 0x40049409  # ioctl_ficlone(2)
_PIECE = 16 << 20  # small enough to tell that it goes on, also on a slow server
_MAX_NAMED = 100
_LIBC = ctypes.CDLL(None, use_errno=True)


def copy(storage: Storage, request: Request, channel: Channel) -> Dict[str, Any]:
    """Copy a file or a tree; what is neither file, directory nor link is left out."""
    source, target = request.path("from"), request.path("to")
    conflict = request.choice("conflict", CONFLICTS)
    check_named(target)
    if conflict == "rename":
        target = _free(storage, target)
    _check_apart(storage, source, target)
    progress = OperationProgress(channel)
    job = _Copy(storage, source, target, conflict, progress)
    for node in visit(storage, source):
        progress.tick()
        job.copy(node)
    skipped = [encode_path(path) for path in job.skipped]
    summary = dict(progress.summary(), path=encode_path(target))
    return dict(summary, skipped=skipped, skipped_total=job.skipped_total)


class _Copy:
    """One copy of a tree."""

    def __init__(
        self,
        storage: Storage,
        source: bytes,
        target: bytes,
        conflict: str,
        progress: OperationProgress,
    ) -> None:
        self._storage = storage
        self._source, self._target = source, target
        self._conflict = conflict
        self._progress = progress
        self._new: Set[bytes] = set()
        self.skipped: List[bytes] = []
        self.skipped_total = 0

    def copy(self, node: Node) -> None:
        """Copy one entry; those above it are there."""
        mode, path = node.info.st_mode, node.place.path
        below = path[len(self._source) :] if self._source or not path else b"/" + path
        with self._storage.place(self._target + below) as place:
            if stat.S_ISDIR(mode):
                self._copy_directory(node, place)
            elif self._conflict == "skip" and exists(place):
                self._skip(path)
            elif stat.S_ISREG(mode):
                self._copy_file(node, place)
            elif stat.S_ISLNK(mode):
                self._copy_link(node, place)
            else:
                self._skip(path)

    def _skip(self, path: bytes) -> None:
        self.skipped_total += 1
        if len(self.skipped) < _MAX_NAMED:
            self.skipped.append(path)

    def _copy_directory(self, node: Node, place: Place) -> None:
        """Make it before what it holds; set its mode, which may forbid writing, after that."""
        if node.is_left:
            self._progress.folders += 1
            if place.path in self._new:
                self._new.discard(place.path)
                descriptor = open_child(place, lstat(place))
                with explained(place.path), _closing(descriptor):
                    _keep_state(descriptor, node.info)
            return
        try:
            with explained(place.path):
                os.mkdir(place.name, dir_fd=place.directory)
            self._new.add(place.path)
        except FilesError as error:
            merges = self._conflict in ("overwrite", "skip")
            if error.code != "exists" or not merges or not stat.S_ISDIR(lstat(place).st_mode):
                raise

    def _copy_file(self, node: Node, place: Place) -> None:
        source = open_child(node.place, node.info)
        with _closing(source), PendingFile(place) as pending:
            for size in copy_content(source, pending.file, node.place.path, place.path):
                self._progress.bytes += size
                self._progress.tick()
            with explained(place.path):
                _keep_state(pending.file, node.info)
            pending.give_name(overwrite=self._conflict == "overwrite")
        self._progress.files += 1

    def _copy_link(self, node: Node, place: Place) -> None:
        target = read_link(node.place) or b""
        with explained(place.path):
            if self._conflict == "overwrite":
                name = new_name()
                os.symlink(target, name, dir_fd=place.directory)
                os.rename(name, place.name, src_dir_fd=place.directory, dst_dir_fd=place.directory)
            else:
                os.symlink(target, place.name, dir_fd=place.directory)
        self._progress.files += 1


def copy_content(source: int, target: int, path: bytes, target_path: bytes) -> Iterator[int]:
    """Copy a file by the file system itself where it can; yields the bytes of each piece.

    Raises:
        FilesError: reading fails, or writing does.
    """
    length = os.fstat(source).st_size
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        copied = 0
        while copied < length:
            size = _copy_range(source, target, min(_PIECE, length - copied))
            if size <= 0:
                break
            copied += size
            yield size
        with explained(target_path):
            os.lseek(target, copied, os.SEEK_SET)
        for chunk in read_chunks(source, path, copied, length - copied):
            with explained(target_path):
                write_all(target, chunk)
            yield len(chunk)
        return
    yield length


def _copy_range(source: int, target: int, length: int) -> int:
    """copy_file_range(2); not positive where it is of no use here, also for lack of space."""
    if not hasattr(_LIBC, "copy_file_range"):
        return -1
    function = _LIBC.copy_file_range
    function.restype = ctypes.c_ssize_t
    return int(function(source, None, target, None, ctypes.c_size_t(length), 0))


def _keep_state(descriptor: int, info: os.stat_result) -> None:
    os.fchmod(descriptor, stat.S_IMODE(info.st_mode) & FILE_MODES)
    os.utime(descriptor, ns=(info.st_atime_ns, info.st_mtime_ns))


@contextlib.contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(descriptor)


def _free(storage: Storage, target: bytes) -> bytes:
    """The path, or one beside it that is free."""
    with storage.place(target) as place:
        for name in free_names(place.name):
            if not exists(place._replace(name=name)):
                return target[: len(target) - len(place.name)] + name
    raise refuse("exists", target)


def _check_apart(storage: Storage, source: bytes, target: bytes) -> None:
    """Raise FilesError where the target is the source, or within it, by whatever path."""
    if source == target:
        raise _into_itself(source)
    with storage.place(source) as place:
        top = lstat(place)
    directory = storage.open(target.rpartition(b"/")[0], os.O_PATH | os.O_DIRECTORY)
    try:
        while True:
            info = os.fstat(directory)
            if os.path.samestat(info, top):
                raise _into_itself(source)
            if os.path.samestat(info, os.fstat(storage.root)):
                return
            above = os.open("..", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
            os.close(directory)
            directory = above
    finally:
        os.close(directory)


def _into_itself(path: bytes) -> FilesError:
    return FilesError("invalid", "{} can't be copied into itself.".format(show(path)))
