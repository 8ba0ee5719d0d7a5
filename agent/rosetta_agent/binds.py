"""The directories of a task, opened, made and checked at the moment when it starts.

Engines that run as root are given mounts of what was opened here, so that nobody exchanges a
directory for a link meanwhile. Engines that run as the agent's own account are given paths:
there a link leads to nothing that the account could not use anyway.
"""

import contextlib
import errno
import fcntl
import os
from typing import List, Optional, Sequence, Tuple

from rosetta_agent.as_user import call_as
from rosetta_agent.bind_options import Bind, Owner, home_of, path_below
from rosetta_agent.errors import TaskFailure
from rosetta_agent.file_owners import Place, Recipe, map_of
from rosetta_agent.idmap import IdMap, OwnersNotMapped
from rosetta_agent.mounts import Mounts
from rosetta_agent.safe_paths import open_beneath, open_directory

_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_WRITABLE_BY_OTHERS = 0o022
_PROBE = ".rosetta-probe-{}"
_PROBE_BYTES = 4096
#: A busy disk takes its time to make sure of what was written.
_WRITE_SECONDS = 60.0

_REASONS = {
    errno.ENOENT: ("storage_missing", "does not exist"),
    errno.ENOTDIR: ("storage_missing", "is not a directory"),
    errno.EACCES: ("storage_denied", "may not be used by this account"),
    errno.EPERM: ("storage_denied", "may not be used by this account"),
    errno.EXDEV: ("storage_outside", "leads out of the directories that may be bound"),
    errno.ELOOP: ("storage_outside", "is reached by a link that is not followed"),
    errno.ENOSPC: ("storage_full", "has no space left"),
    errno.EDQUOT: ("storage_full", "has no space left for you: the quota is used up"),
    errno.EROFS: ("storage_read_only", "can only be read at the moment"),
    errno.ESTALE: ("storage_unavailable", "is on a file server that has lost it (stale handle)"),
    errno.ETIMEDOUT: ("storage_unavailable", "does not answer"),
}


def owner_of(bind: Bind, binds: Sequence[Bind], place: Place) -> Optional[Owner]:
    """Whose the files of a bind are: given, or the home's for what users name, or the account's.

    None where the engine runs on another machine, and nothing is given.
    """
    home = home_of(tuple(binds))
    named_by_user = bind.within is not None and home is not None
    owner = bind.owner or (home.owner if named_by_user and home is not None else None)
    return owner or (None if place.remote else place.account)


def first_owner(binds: Sequence[Bind], place: Place) -> Optional[Owner]:
    """The owner that matters most: of the home, or of what is written to."""
    ranked = sorted(binds, key=lambda bind: (not bind.home, bind.read_only))
    return owner_of(ranked[0], binds, place) if ranked else None


def prepare(
    binds: Sequence[Bind], place: Place, recipe: Recipe, mounts: Mounts
) -> Tuple[Bind, ...]:
    """Open, make and check all of them; returns them as an engine has to be given them.

    Raises:
        TaskFailure: one can't be used; its reason begins with ``storage_``.
    """
    mounts.release()  # of an agent that was killed before its container started
    prepared: List[Bind] = []
    points: List[str] = []
    for bind in binds:
        owner = owner_of(bind, binds, place)
        id_map = map_of(place, recipe, bind, owner)
        if place.remote:
            prepared.append(_unseen(bind))
            continue
        source = _source(bind, owner, place, id_map, mounts)
        points += [source] if place.can_mount else []
        prepared.append(bind._replace(source=source))
    missing = mounts.missing(points)
    if missing:
        raise _failure("storage_unavailable", "{} is not mounted.".format(missing[0]))
    return tuple(prepared)


def _unseen(bind: Bind) -> Bind:
    if bind.within is not None:
        detail = "{} is on another machine, where nothing can check it.".format(bind.source)
        raise _failure("storage_outside", detail)
    return bind


def _source(
    bind: Bind, owner: Optional[Owner], place: Place, id_map: Optional[IdMap], mounts: Mounts
) -> str:
    """What the engine is given: a mount point, or the path without links."""
    directory = _open(bind, owner or place.account, place)
    try:
        _check(directory, bind, owner or place.account)
        path = os.readlink("/proc/self/fd/{}".format(directory))
        if place.can_mount:
            return _mount(directory, bind, id_map, mounts)
        if bind.within is not None and not place.personal:
            _check_nobody_can_exchange(path, bind)
        return path
    except OSError as error:
        raise _refused(error, bind.source) from error
    finally:
        os.close(directory)


def _open(bind: Bind, owner: Owner, place: Place) -> int:
    """The directory, made where it is missing and may be made."""
    try:
        # In a child: it is what waits for a server, and makes an automounter mount.
        number = call_as(None, lambda: os.close(os.open(bind.source, os.O_RDONLY | os.O_DIRECTORY)))
        if number == errno.ENOENT and bind.create and bind.within is None:
            _make(bind.source, owner, place)
        elif number != errno.EACCES:  # what root may not look at its owner may
            _raise_for(number)
        if bind.within is None:
            return open_directory(bind.source)
        return _open_within(bind)
    except OSError as error:
        raise _refused(error, bind.source) from error


def _open_within(bind: Bind) -> int:
    relative = path_below(bind)
    if relative is None or bind.within is None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    prefix = open_directory(bind.within)
    try:
        return open_beneath(prefix, relative, _DIRECTORY)
    finally:
        os.close(prefix)


def _make(path: str, owner: Owner, place: Place) -> None:
    """Make the last directory of a path, closed to everybody but its owner.

    Where others may write to the one above it, its owner makes it: as root, one could be led
    to give a directory of somebody else away.
    """
    parent_path, name = os.path.split(path)
    try:
        parent = open_directory(parent_path)
    except FileNotFoundError as error:
        raise _refused(error, parent_path) from error
    try:
        if owner.uid == place.account.uid or not _is_exclusive(os.fstat(parent)):
            identity = None if owner.uid == place.account.uid else owner
            number = call_as(identity, lambda: os.mkdir(name, 0o700, dir_fd=parent))
            if number not in (0, errno.EEXIST):
                raise OSError(number, os.strerror(number))
        else:
            _make_for(owner, parent, name)
    finally:
        os.close(parent)


def _make_for(owner: Owner, parent: int, name: str) -> None:
    """As root: under another name first, so that it has its owner as soon as it is there."""
    temporary = ".{}.rosetta-new".format(name)
    lock = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=parent)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if name in os.listdir(lock):
            return  # another task of the same user was faster
        with contextlib.suppress(FileExistsError):  # of an agent that was killed
            os.mkdir(temporary, 0o700, dir_fd=parent)
        os.chown(temporary, owner.uid, owner.gid, dir_fd=parent, follow_symlinks=False)
        os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
    finally:
        os.close(lock)


def _is_exclusive(info: os.stat_result) -> bool:
    """Whether root alone may write to a directory."""
    return info.st_uid == 0 and not info.st_mode & _WRITABLE_BY_OTHERS


def _check(directory: int, bind: Bind, owner: Owner) -> None:
    """Look into it as the owner, and write a little where the task is to write: full, closed?"""
    identity = None if owner.uid == os.geteuid() else owner
    _raise_for(
        call_as(
            identity, lambda: os.close(os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=directory))
        )
    )
    if bind.read_only or bind.within is not None:
        return
    number = call_as(identity, lambda: _write_probe(directory), _WRITE_SECONDS)
    if number not in (errno.EACCES, errno.EPERM) or bind.home:
        _raise_for(number)  # a project's directory may be open further down only


def _raise_for(number: int) -> None:
    if number:
        raise OSError(number, os.strerror(number))


def _write_probe(directory: int) -> None:
    name = _PROBE.format(os.getpid())
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(name, flags, 0o600, dir_fd=directory)
    try:
        os.write(descriptor, b"\0" * _PROBE_BYTES)
        os.fsync(descriptor)  # network file systems count at the end only
    finally:
        os.close(descriptor)
        os.unlink(name, dir_fd=directory)


def _mount(directory: int, bind: Bind, id_map: Optional[IdMap], mounts: Mounts) -> str:
    try:
        return mounts.add(directory, bind.read_only, id_map)
    except OwnersNotMapped as error:
        if bind.read_only and bind.within is None:
            return mounts.add(directory, bind.read_only, None)
        detail = (
            "The kernel or the file system of {} can't show files as another user's, and the"
            " image runs as a user of its own.".format(bind.source)
        )
        raise _failure("storage_owner", detail) from error


def _check_nobody_can_exchange(path: str, bind: Bind) -> None:
    """Without the right to mount, the path must still lead there when the engine follows it."""
    while len(path) > len(os.path.realpath(bind.within or "/")):
        path = os.path.dirname(path)
        if not _is_exclusive(os.stat(path)):
            detail = (
                "Users can change {}, and the agent may not mount directories there: it can't"
                " make sure what would be bound.".format(path)
            )
            raise _failure("storage_outside", detail)


def _refused(error: OSError, path: str) -> TaskFailure:
    number = error.errno or errno.EIO
    reason, words = _REASONS.get(number, ("storage_unavailable", os.strerror(number)))
    return _failure(reason, "{} {}.".format(path, words))


def _failure(reason: str, detail: str) -> TaskFailure:
    return TaskFailure(reason, "A storage of the task can't be used.", detail)
