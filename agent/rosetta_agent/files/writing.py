"""Operations on single entries: ``write``, ``mkdir``, ``link``, ``rename``, ``chmod``."""

import contextlib
import errno
import os
import stat
from typing import Any, Dict, Optional

from rosetta_agent.files.channel import Channel
from rosetta_agent.files.entries import build_etag, describe
from rosetta_agent.files.errors import FilesError, explained, refuse, show, translate
from rosetta_agent.files.frames import NEW, decode_path
from rosetta_agent.files.pending_files import PendingFile, rename_new
from rosetta_agent.files.reading import changed
from rosetta_agent.files.request import Request
from rosetta_agent.files.storage import Place, Storage, exists, lstat

#: Bits that files may get: none that makes a program run as its owner.
FILE_MODES = 0o777
_DIRECTORY_MODES = 0o3777


def write(storage: Storage, request: Request, channel: Channel) -> Dict[str, Any]:
    """Replace a file, or make a new one; of a link, the file that it leads to."""
    path, if_match = request.path(), request.optional_text("if_match")
    mtime_ns, mode = request.optional_integer("mtime_ns"), request.optional_integer("mode")
    check_named(path)
    with storage.target(path) as place:
        _check_replaceable(place, if_match)
        with PendingFile(place) as pending:
            for data in channel.receive_data():
                pending.write(data)
            previous = _check_replaceable(place, if_match)
            if previous is not None:
                keep_access(pending.file, previous)
            elif mode is not None:
                os.fchmod(pending.file, mode & FILE_MODES)
            if mtime_ns is not None:
                os.utime(pending.file, ns=(mtime_ns, mtime_ns))
            pending.sync()
            pending.give_name(overwrite=if_match != NEW)
        return {"entry": describe(storage, place)}


def _check_replaceable(place: Place, if_match: Optional[str]) -> Optional[os.stat_result]:
    """The state of the file that is to be replaced; None where there is none."""
    if not exists(place):
        if if_match not in (None, NEW):
            raise changed(place.path)
        return None
    info = lstat(place)
    if stat.S_ISDIR(info.st_mode):
        raise refuse("is_directory", place.path)
    if not stat.S_ISREG(info.st_mode):
        raise refuse("special", place.path)
    if if_match == NEW:
        raise refuse("exists", place.path)
    if if_match is not None and if_match != build_etag(info):
        raise changed(place.path)
    # Replacing needs the right to the directory alone; who may not write to the file is told.
    if not os.access(place.name, os.W_OK, dir_fd=place.directory, effective_ids=True):
        is_read_only = os.fstatvfs(place.directory).f_flag & os.ST_RDONLY
        raise refuse("read_only" if is_read_only else "permission", place.path)
    return info


def keep_access(file: int, previous: os.stat_result) -> None:
    """Give a file the permissions and, where that is possible, the group of its predecessor."""
    with contextlib.suppress(PermissionError):
        os.fchown(file, -1, previous.st_gid)
    os.fchmod(file, stat.S_IMODE(previous.st_mode) & FILE_MODES)


def mkdir(storage: Storage, request: Request, _channel: Channel) -> Dict[str, Any]:
    """Make a directory; with ``parents`` it may exist, and those above it are made as well."""
    path, parents = request.path(), request.flag("parents")
    check_named(path)
    if parents:
        parts = path.split(b"/")
        for count in range(1, len(parts)):
            _make(storage, b"/".join(parts[:count]), may_exist=True)
    _make(storage, path, may_exist=parents)
    with storage.place(path) as place:
        return {"entry": describe(storage, place)}


def _make(storage: Storage, path: bytes, may_exist: bool) -> None:
    with storage.place(path) as place:
        try:
            os.mkdir(place.name, dir_fd=place.directory)
        except FileExistsError as error:
            if not may_exist or not stat.S_ISDIR(storage.info(path).st_mode):
                raise refuse("exists", path) from error
        except OSError as error:
            raise translate(error, path) from error


def link(storage: Storage, request: Request, _channel: Channel) -> Dict[str, Any]:
    """Make a symbolic link; where it leads does not matter, because no link leads out."""
    path = request.path()
    check_named(path)
    try:
        target = decode_path(request.text("target"))
    except UnicodeEncodeError as error:
        raise FilesError("invalid", "The target of the link is not valid text.") from error
    if not target or b"\0" in target:
        raise FilesError("invalid", "A link needs a target.")
    with storage.place(path) as place:
        with explained(path):
            os.symlink(target, place.name, dir_fd=place.directory)
        return {"entry": describe(storage, place)}


def rename(storage: Storage, request: Request, _channel: Channel) -> Dict[str, Any]:
    """Give an entry another path; of a link, the link."""
    source, target = request.path("from"), request.path("to")
    check_named(source)
    check_named(target)
    with storage.place(source) as old, storage.place(target) as new:
        try:
            if request.flag("overwrite"):
                os.rename(old.name, new.name, src_dir_fd=old.directory, dst_dir_fd=new.directory)
            else:
                rename_new((old.directory, old.name), (new.directory, new.name))
        except OSError as error:
            raise _refused_rename(error, source, target) from error
        return {"entry": describe(storage, new)}


def _refused_rename(error: OSError, source: bytes, target: bytes) -> FilesError:
    if error.errno == errno.EXDEV:
        message = "{} is on another file system. Copy it, and remove it then."
        return FilesError("invalid", message.format(show(source)))
    if error.errno == errno.EINVAL:
        return FilesError("invalid", "{} can't be moved into itself.".format(show(source)))
    path = source if error.errno == errno.ENOENT else target
    return translate(error, path)


def chmod(storage: Storage, request: Request, _channel: Channel) -> Dict[str, Any]:
    """Set the permission bits of a file or directory; of a link, those of what it leads to."""
    path, mode = request.path(), request.integer("mode")
    descriptor = storage.open(path, os.O_PATH)
    try:
        info = os.fstat(descriptor)
        allowed = _DIRECTORY_MODES if stat.S_ISDIR(info.st_mode) else FILE_MODES
        if mode & ~allowed:
            message = "The permissions {:o} can't be set for {}."
            raise FilesError("invalid", message.format(mode, show(path)))
        with explained(path):
            # chmod of an O_PATH descriptor: fchmod refuses it, the name could be another by now.
            os.chmod("/proc/self/fd/{}".format(descriptor), mode)
    finally:
        os.close(descriptor)
    with storage.place(path) as place:
        return {"entry": describe(storage, place)}


def check_named(path: bytes) -> None:
    """Raise FilesError where a path is the root, which can't be replaced, moved or removed."""
    if not path:
        raise FilesError("invalid", "This can't be done with the whole storage.")
