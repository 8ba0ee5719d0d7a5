"""The mount points of an attempt: made outside of its sandbox, taken away before anything goes.

``<work_dir>/mounts/<task>-<attempt>/<n>``. What is removed here is removed by umount and rmdir
alone, so that no error ever reaches a user's files.
"""

import contextlib
import logging
import os
from typing import List, Optional

from rosetta_agent import idmap
from rosetta_agent.idmap import IdMap
from rosetta_agent.mountinfo import mounted_below, read_mountinfo
from rosetta_agent.processes import CAP_SYS_ADMIN, has_capability
from rosetta_agent.sandbox import disk_full_is_a_failure, make_private
from rosetta_agent.spec import Attempt

LOG = logging.getLogger(__name__)

FOLDER = "mounts"


def can_mount() -> bool:
    """Whether this process may mount what it likes."""
    return os.geteuid() == 0 and has_capability(CAP_SYS_ADMIN)


class Mounts:
    """The mounts of one attempt; whoever has its lock uses them."""

    def __init__(self, attempt: Attempt) -> None:
        self._parent = os.path.join(attempt.work_dir, FOLDER)
        self._path = os.path.join(self._parent, "{}-{}".format(attempt.task, attempt.attempt))

    def add(self, directory: int, read_only: bool, id_map: Optional[IdMap]) -> str:
        """Mount an open directory, mapped or not; returns its mount point.

        Raises:
            TaskFailure: there is no room for the mount point.
            OwnersNotMapped: see idmap.
            OSError: the kernel refused; nothing is mounted.
        """
        with disk_full_is_a_failure():
            make_private(self._parent)
            make_private(self._path)
            target = os.path.join(self._path, str(len(os.listdir(self._path))))
            os.mkdir(target, 0)
        if id_map is None:
            idmap.mount_directory(directory, target, read_only)
        else:
            idmap.mount_mapped(directory, target, read_only, id_map)
        return target

    def missing(self, targets: List[str], pid: str = "self") -> List[str]:
        """Those of the mount points that a process sees nothing mounted at.

        An engine that was given one of them would let the task write into an empty directory.
        """
        mounted = {mount.path for mount in read_mountinfo(pid)}
        return [target for target in targets if os.path.realpath(target) not in mounted]

    def release(self) -> None:
        """Take away all that is mounted, and the mount points; what is not there is fine."""
        for path in sorted(_mounted(self._path), key=len, reverse=True):
            with contextlib.suppress(OSError):
                idmap.unmount(path)
        for name in _names(self._path):
            _remove_point(os.path.join(self._path, name))
        for path in (self._path, self._parent):
            with contextlib.suppress(OSError):
                os.rmdir(path)


def find_attempts_with_mounts(work_dir: str) -> List[str]:
    """Names ``<task>-<attempt>`` of attempts that have mount points here."""
    return sorted(_names(os.path.join(work_dir, FOLDER)))


def _mounted(path: str) -> List[str]:
    return mounted_below(path) if os.path.isdir(path) else []


def _names(path: str) -> List[str]:
    try:
        return os.listdir(path)
    except FileNotFoundError:
        return []


def _remove_point(path: str) -> None:
    try:
        os.rmdir(path)
    except OSError as error:
        LOG.warning("the mount point %s stays: %s", path, error)
