"""Operations of uploads: ``part_create``, ``_stat``, ``_write``, ``_truncate``, ``_finish``,
``_remove``.

The part of an upload is a file beside its target: on the same file system, under the same quota.
What has to be known about it is in a note beside it, so nothing is lost when the hub restarts.
"""

import contextlib
import errno
import fcntl
import json
import os
import stat
import time
from typing import Any, Dict, Iterator, Optional, Set, Tuple

from rosetta_agent.files.channel import Channel
from rosetta_agent.files.entries import describe
from rosetta_agent.files.errors import FilesError, explained, refuse, show
from rosetta_agent.files.frames import PART_SECONDS, PART_SUFFIX, UPLOAD_CONFLICTS, encode_path
from rosetta_agent.files.looking import read_names
from rosetta_agent.files.names import free_names
from rosetta_agent.files.pending_files import PendingFile, create_file, rename_new, write_all
from rosetta_agent.files.request import Request
from rosetta_agent.files.storage import Place, Storage, exists, lstat
from rosetta_agent.files.writing import FILE_MODES, check_named, keep_access

_PART, _NOTE = PART_SUFFIX.encode("ascii"), PART_SUFFIX.encode("ascii") + b".json"
_OPEN = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAX_NOTE = 1000
#: Directories that this process has swept, by device and inode.
_swept: Set[Tuple[int, int]] = set()


class Part:
    """An upload: its file, which is open, and what its note says."""

    def __init__(self, place: Place, upload: str) -> None:
        self.place = place
        self.name, self.note = _names(upload)
        self.length, self.mtime_ns = self._read_note()
        self.file = os.open(self.name, os.O_RDWR | _OPEN, dir_fd=place.directory)

    def _read_note(self) -> Tuple[int, Optional[int]]:
        file = os.open(self.note, os.O_RDONLY | _OPEN, dir_fd=self.place.directory)
        with open(file, "rb") as raw:
            note = json.loads(raw.read(_MAX_NOTE).decode("ascii"))
        return int(note["length"]), note["mtime_ns"]

    @property
    def offset(self) -> int:
        """Bytes that are there."""
        return os.fstat(self.file).st_size

    def lock(self) -> None:
        """Keep others from writing; raises FilesError where one does."""
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = "Another transfer of this upload of {} is under way. Try again."
            raise FilesError("changed", message.format(show(self.place.path))) from error
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                raise

    def describe(self) -> Dict[str, Any]:
        """How far it is, as it stands in answers."""
        return {"offset": self.offset, "length": self.length, "mtime_ns": self.mtime_ns}


def create(storage: Storage, request: Request, _channel: Channel) -> Dict[str, Any]:
    """Begin an upload."""
    path, length = request.path(), request.integer("length")
    note = {"length": length, "mtime_ns": request.optional_integer("mtime_ns")}
    check_named(path)
    part_name, note_name = _names(request.upload())
    with storage.place(path) as place:
        _check_space(place, length)
        with explained(path):
            _sweep(place.directory)
        with PendingFile(place._replace(name=note_name)) as pending:
            pending.write(json.dumps(note).encode("ascii"))
            pending.give_name(overwrite=False)
        os.close(create_file(place._replace(name=part_name)))
    return dict(note, offset=0)


def state(storage: Storage, request: Request, _channel: Channel) -> Dict[str, Any]:
    """How far an upload is."""
    with _open_part(storage, request) as part:
        return part.describe()


def write(storage: Storage, request: Request, channel: Channel) -> Dict[str, Any]:
    """Append to an upload; what was written stays, whatever comes then."""
    offset = request.integer("offset")
    with _open_part(storage, request) as part:
        part.lock()
        if part.offset != offset:
            message = "The upload has {} bytes, not {}.".format(part.offset, offset)
            raise FilesError("changed", message)
        os.lseek(part.file, offset, os.SEEK_SET)
        for data in channel.receive_data():
            offset += len(data)
            if offset > part.length:
                raise FilesError("too_large", "This is more than the upload's length.")
            write_all(part.file, data)
        return part.describe()


def truncate(storage: Storage, request: Request, _channel: Channel) -> Dict[str, Any]:
    """Drop the end of an upload, such as a piece that has come damaged."""
    offset = request.integer("offset")
    with _open_part(storage, request) as part:
        part.lock()
        if part.offset < offset:
            message = "The upload has {} bytes, fewer than {}.".format(part.offset, offset)
            raise FilesError("changed", message)
        os.ftruncate(part.file, offset)
        return part.describe()


def finish(storage: Storage, request: Request, _channel: Channel) -> Dict[str, Any]:
    """Give a complete upload its name."""
    conflict = request.choice("conflict", UPLOAD_CONFLICTS)
    mtime_ns, mode = request.optional_integer("mtime_ns"), request.optional_integer("mode")
    with _open_part(storage, request) as part:
        part.lock()
        if part.offset != part.length:
            message = "The upload is not complete: it has {} of {} bytes."
            raise FilesError("changed", message.format(part.offset, part.length))
        mtime_ns = part.mtime_ns if mtime_ns is None else mtime_ns
        if mode is not None:
            os.fchmod(part.file, mode & FILE_MODES)
        if mtime_ns is not None:
            os.utime(part.file, ns=(mtime_ns, mtime_ns))
        os.fsync(part.file)
        if mode is not None:
            os.fchmod(part.file, mode & FILE_MODES)
        place = _give_name(part, conflict)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part.note, dir_fd=place.directory)
        return {"path": encode_path(place.path), "entry": describe(storage, place)}


def remove(storage: Storage, request: Request, _channel: Channel) -> Dict[str, Any]:
    """Give an upload up, if it is there."""
    path = request.path()
    with storage.place(path) as place, explained(path):
        for name in _names(request.upload()):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=place.directory)
    return {}


@contextlib.contextmanager
def _open_part(storage: Storage, request: Request) -> Iterator[Part]:
    path = request.path()
    check_named(path)
    with storage.place(path) as place, explained(path):
        try:
            part = Part(place, request.upload())
        except FileNotFoundError as error:
            message = "There is no such upload of {}. Begin it again."
            raise FilesError("not_found", message.format(show(path))) from error
        try:
            yield part
        finally:
            os.close(part.file)


def _give_name(part: Part, conflict: str) -> Place:
    """Rename the part; returns the place that it has got."""
    directory, name, path = part.place
    if conflict == "overwrite":
        if exists(part.place) and stat.S_ISREG(lstat(part.place).st_mode):
            keep_access(part.file, lstat(part.place))
        os.rename(part.name, name, src_dir_fd=directory, dst_dir_fd=directory)
        return part.place
    for free in free_names(name) if conflict == "rename" else [name]:
        with contextlib.suppress(FileExistsError):
            rename_new((directory, part.name), (directory, free))
            return Place(directory, free, path[: len(path) - len(name)] + free)
    raise refuse("exists", path)


def _names(upload: str) -> Tuple[bytes, bytes]:
    """Names of the part and of its note."""
    start = b"." + upload.encode("ascii")
    return start + _PART, start + _NOTE


def _check_space(place: Place, length: int) -> None:
    with explained(place.path):
        space = os.statvfs(place.directory)
    if length > space.f_bavail * space.f_frsize:
        raise refuse("no_space", place.path)


def _sweep(directory: int) -> None:
    """Remove what nobody has written to for days; once for each directory."""
    info = os.fstat(directory)
    if (info.st_dev, info.st_ino) in _swept:
        return
    _swept.add((info.st_dev, info.st_ino))
    names = set(read_names(directory))
    for name in names:
        is_note = name.endswith(_NOTE)
        if not is_note and not name.endswith(_PART):
            continue
        # A note is as old as its part.
        if not (is_note and name[: -len(b".json")] in names) and _is_old(directory, name):
            for old in (name, name + b".json"):
                with contextlib.suppress(OSError):
                    os.unlink(old, dir_fd=directory)


def _is_old(directory: int, name: bytes) -> bool:
    try:
        info = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except OSError:
        return False
    return time.time() - info.st_ctime > PART_SECONDS
