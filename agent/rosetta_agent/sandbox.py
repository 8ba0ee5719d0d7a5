"""The sandbox: one private directory for each attempt, with its lock and its state file.

``<work_dir>/<task>-<attempt>/`` holds ``agent.lock agent.json agent.log output.log
interface.sock home/ tmp/``. Directories are 0700, files 0600, and both belong to the user
whom the agent runs as: a directory that somebody else prepared is refused.
"""

import contextlib
import errno
import fcntl
import json
import logging
import os
import shutil
import stat
from typing import Any, Dict, NoReturn, Optional, Tuple

from rosetta_agent.errors import NO_SPACE, SpecError, TaskFailure
from rosetta_agent.mountinfo import mounted_below
from rosetta_agent.processes import ProcessId
from rosetta_agent.protocol import socket_name
from rosetta_agent.spec import Attempt

LOG = logging.getLogger(__name__)

#: A socket's path with its closing NUL fits in 108 bytes (unix(7)).
MAX_SOCKET_PATH = 107
#: What remains until the service has acknowledged the end of the task.
KEPT_TO_THE_END = ("agent.lock", "agent.json", "agent.log", "output.log")


class Sandbox:
    """The directory of one attempt; nothing is made before ``create``."""

    def __init__(self, attempt: Attempt) -> None:
        self.work_dir = attempt.work_dir
        self.path = os.path.join(attempt.work_dir, "{}-{}".format(attempt.task, attempt.attempt))
        self._lock: Optional[int] = None
        #: Whether this process made the directory: no earlier agent left anything in it.
        self.is_new = False

    def file(self, name: str) -> str:
        """Path of a file in the sandbox."""
        return os.path.join(self.path, name)

    @property
    def socket(self) -> str:
        """Path of the socket that leads to the interface of the container."""
        return self.file(socket_name(None))

    def interface_socket(self, port: int) -> str:
        """Path of the socket that leads to a further interface; shorter than that of ``socket``."""
        return self.file(socket_name(port))

    def exists(self) -> bool:
        """Whether there is a directory at all."""
        return os.path.isdir(self.path)

    def create(self) -> None:
        """Make the directory, and the one above it.

        Raises:
            SpecError: a path is too long for a socket, or belongs to somebody else.
            TaskFailure: the disk is full.
        """
        if len(os.fsencode(self.socket)) > MAX_SOCKET_PATH:
            raise SpecError(
                "work_dir: {} is too long, a socket in it needs a path of at most {} bytes".format(
                    self.work_dir, MAX_SOCKET_PATH
                )
            )
        with disk_full_is_a_failure():
            make_private(self.work_dir)
            self.is_new = make_private(self.path) or self.is_new

    def lock(self) -> bool:
        """Take the lock; False when another agent holds it.

        The lock is tied to the open file: a forked child keeps it, an executed one does not.
        """
        while True:
            try:
                descriptor = os.open(self.file("agent.lock"), os.O_RDWR | os.O_CREAT, 0o600)
            except FileNotFoundError:
                self.create()
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                return False
            if _is_still(self.file("agent.lock"), descriptor):
                self._lock = descriptor
                return True
            os.close(descriptor)  # removed by the previous holder in between

    def unlock(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def read_state(self) -> Dict[str, Any]:
        """What the agent of this attempt recorded last; empty when there is nothing."""
        try:
            with open(self.file("agent.json"), encoding="utf-8") as file:
                state = json.load(file)
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def write_state(self, state: Dict[str, Any]) -> None:
        """Record atomically: a reader sees the old or the new state, never half of one."""
        temporary = self.file("agent.json.new")
        with disk_full_is_a_failure():
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:
                json.dump(state, file)
            os.replace(temporary, self.file("agent.json"))

    def clear(self) -> None:
        """Remove all but what the last report still needs."""
        self._remove_all_but(KEPT_TO_THE_END)

    def empty(self) -> None:
        """Forget an earlier life: all but the lock."""
        self._remove_all_but(("agent.lock",))

    def _remove_all_but(self, names: Tuple[str, ...]) -> None:
        for name in _names(self.path):
            if name not in names:
                remove_path(self.file(name))

    def discard(self) -> None:
        """Undo ``create``; what an earlier agent left belongs to its container, and stays."""
        if self.is_new:
            self.remove()

    def remove(self) -> None:
        """Remove the whole directory, and the one above it when it is empty."""
        remove_path(self.path)
        with contextlib.suppress(OSError):
            os.rmdir(self.work_dir)


def recorded_identity(state: Dict[str, Any], key: str) -> Optional[ProcessId]:
    """The process that a state file names, alive or not."""
    value = state.get(key)
    if isinstance(value, list) and len(value) == 2 and all(isinstance(v, int) for v in value):
        return ProcessId(value[0], value[1])
    return None


def make_private(path: str, key: str = "work_dir") -> bool:
    """Make sure that a directory exists, is ours, and is closed to everybody else.

    Returns whether it was made now. ``key`` is the one of the configuration that names the
    directory, for the errors.

    Raises:
        SpecError: it cannot be made, is a link, no directory, or belongs to another user.
        OSError: there is no room for it (ENOSPC, EDQUOT).
    """
    is_new = True
    try:
        os.makedirs(path, mode=0o700)
    except FileExistsError:
        is_new = False
    except OSError as error:
        raise_unless_full(error, "{}: {} cannot be made".format(key, path))
    info = os.lstat(path)
    if not stat.S_ISDIR(info.st_mode):
        raise SpecError("{}: {} is not a directory".format(key, path))
    if info.st_uid != os.geteuid():
        raise SpecError("{}: {} belongs to another user ({})".format(key, path, info.st_uid))
    if stat.S_IMODE(info.st_mode) & 0o077:
        os.chmod(path, 0o700)
    return is_new


def raise_unless_full(error: OSError, text: str) -> NoReturn:
    """Raise a SpecError with ``text`` and the cause; the error itself where there is no room.

    Raises:
        SpecError: always, but for ENOSPC and EDQUOT.
        OSError: ENOSPC or EDQUOT.
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        raise error
    raise SpecError("{}: {}".format(text, error.strerror)) from error


class disk_full_is_a_failure:  # noqa: N801 - reads as a statement
    """Context: ENOSPC becomes the failure ``disk_full``, EDQUOT ``quota_exceeded``."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Optional[BaseException], trace: Any) -> None:
        if not isinstance(error, OSError):
            return
        if error.errno == errno.ENOSPC:
            raise TaskFailure("disk_full", NO_SPACE["disk_full"], str(error)) from error
        if error.errno == errno.EDQUOT:
            message = NO_SPACE["quota_exceeded"]
            raise TaskFailure("quota_exceeded", message, str(error)) from error


def _is_still(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _names(path: str) -> Tuple[str, ...]:
    try:
        return tuple(os.listdir(path))
    except FileNotFoundError:
        return ()


def remove_path(path: str) -> None:
    """Remove a file or a whole directory; what is not there is fine.

    A directory in which something is mounted stays: its files may be anybody's.
    """
    if not os.path.isdir(path) or os.path.islink(path):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        return
    if mounted_below(path):
        LOG.error("%s stays: something is mounted in it", path)
        return
    try:
        shutil.rmtree(path)
    except PermissionError:
        # The container may have closed a directory of its home to itself.
        for folder, folders, _files in os.walk(path):
            os.chmod(folder, 0o700)
            for name in folders:
                if not os.path.islink(os.path.join(folder, name)):
                    os.chmod(os.path.join(folder, name), 0o700)
        shutil.rmtree(path, ignore_errors=True)
    except FileNotFoundError:
        shutil.rmtree(path, ignore_errors=True)
