"""The directory of a build on the builder: a volume of bounded size, and what kills leave."""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import time
from typing import List, Optional

from rosetta_agent.builds.cgroup import Group
from rosetta_agent.builds.errors import BuildError

PREFIX = "rosetta-build-"
_NAME = re.compile(r"rosetta-build-([0-9a-f]{12})")
_SECONDS = 60.0


def group_of(build_id: str) -> Group:
    """The control group of a build."""
    return Group(PREFIX + build_id)


def run_root(name: str) -> str:
    """A directory for podman's state of a moment: it wants a path of at most 50 characters."""
    folder = "/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "/tmp")  # noqa: S108
    path = os.path.join(folder, "rosetta-" + name)
    os.makedirs(path, 0o700, exist_ok=True)
    if os.lstat(path).st_uid != os.geteuid() or os.path.islink(path):
        raise BuildError("{} belongs to another account.".format(path), transient=True)
    return path


class WorkDir:
    """``directory``/rosetta-build-<id>; whoever has its lock uses it.

    With a ``size`` in bytes everything in it is on a volume of its own, which is mounted for this
    program and its children alone: it is gone with the last of them.
    """

    def __init__(self, directory: str, build_id: str) -> None:
        self._path = os.path.join(directory, PREFIX + build_id)
        self._build_id = build_id
        self._lock: Optional[int] = None
        self.volume = os.path.join(self._path, "volume")

    def create(self, size: Optional[int]) -> None:
        """Make it anew, and mount its volume.

        Raises:
            BuildError: there is no room, or the kernel refuses.
        """
        try:
            self._claim()
            os.mkdir(self.volume, 0o700)
            if size is not None:
                self._mount(size)
            for name in ("storage", "tmp", "context"):
                os.mkdir(self.path(name), 0o700)
        except OSError as error:
            text = "There is no place for the build: {}. Tell the administrator."
            raise BuildError(text.format(error.strerror), transient=True) from error

    @property
    def run_root(self) -> str:
        """See the function of this name."""
        return run_root("build-" + self._build_id)

    def path(self, name: str) -> str:
        """The path of something on the volume."""
        return os.path.join(self.volume, name)

    def remove(self) -> None:
        """Remove it, once nothing uses it any more."""
        for target in reversed(mounts_below(self._path)):
            _run(["umount", "--lazy", target])
        for path in (self._path, self.run_root):
            shutil.rmtree(path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)

    def _claim(self) -> None:
        """Make the directory and lock it; a sweep may remove it in between.

        Raises:
            BuildError: another program builds the same.
        """
        for _ in range(100):
            os.makedirs(self._path, 0o700, exist_ok=True)
            self._lock = _lock(self._path)
            if self._lock is None:
                time.sleep(0.1)
                continue
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(self._lock), os.stat(self._path)):
                    return
            os.close(self._lock)
        self._lock = None
        raise BuildError("An earlier attempt of this build has not ended yet.", transient=True)

    def _mount(self, size: int) -> None:
        image = os.path.join(self._path, "volume.img")
        with open(image, "wb") as file:
            file.truncate(size)
        options = "lazy_itable_init=1,nodiscard"
        _run(["mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", "-E", options, image])
        _run(["mount", "-o", "loop,noatime", image, self.volume])


def sweep(directory: str) -> List[str]:
    """Remove what builds have left whose program was killed; returns their ids."""
    removed = []
    for name in sorted(os.listdir(directory)):
        match, path = _NAME.fullmatch(name), os.path.join(directory, name)
        if match is None or os.lstat(path).st_uid != os.geteuid():
            continue
        lock = _lock(path)
        if lock is None:
            continue
        group_of(match.group(1)).remove()
        os.close(lock)
        WorkDir(directory, match.group(1)).remove()
        removed.append(match.group(1))
    return removed


def mounts_below(path: str) -> List[str]:
    """The mount points in a directory, as this process sees them, in the order of mounting."""
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:
        targets = [line.split()[1] for line in file]
    return [target for target in targets if target.startswith(path + "/")]


def _lock(path: str) -> Optional[int]:
    """Lock a directory; None where another program has it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return descriptor
    os.close(descriptor)
    return None


def _run(command: List[str]) -> None:
    try:
        process = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OSError(0, "{}: {}".format(command[0], error)) from error
    if process.returncode != 0:
        text = process.stderr.decode("utf-8", "replace").strip()
        raise OSError(0, "{}: {}".format(command[0], text))
