"""A control group for all processes of one build: bounded together, and ended together."""

import contextlib
import os
import signal
import time
from typing import Dict, Iterable, List

ROOT = "/sys/fs/cgroup"
#: Controllers of version 1 that are used.
_CONTROLLERS = ("pids", "memory", "cpu")
_CLIENT = "client"
_PERIOD = 100000
_END_SECONDS = 20.0
#: Bytes: a group is full before the last page of its memory is used.
_MEMORY_SLACK = 2 << 20


def is_unified(root: str = ROOT) -> bool:
    """Whether the machine has version 2 of control groups alone."""
    return os.path.exists(os.path.join(root, "cgroup.controllers"))


def build_limits(cpus: float, memory: int, processes: int, unified: bool) -> Dict[str, str]:
    """The files of the group and what is written to them."""
    quota = str(int(cpus * _PERIOD))
    if unified:
        return {
            "pids.max": str(processes),
            "memory.max": str(memory),
            "memory.swap.max": "0",
            "cpu.max": "{} {}".format(quota, _PERIOD),
        }
    return {
        "pids/pids.max": str(processes),
        "memory/memory.limit_in_bytes": str(memory),
        "memory/memory.memsw.limit_in_bytes": str(memory),
        "cpu/cpu.cfs_period_us": str(_PERIOD),
        "cpu/cpu.cfs_quota_us": quota,
    }


#: Files that kernels without accounting of swap lack.
_OPTIONAL = ("memory.swap.max", "memory/memory.memsw.limit_in_bytes")


class Group:
    """The group ``name``, with two in it: for the engine's client, and for the steps of the build.

    ``steps`` is the path of the latter. Engines remove it after each step.
    """

    def __init__(self, name: str, root: str = ROOT) -> None:
        self.steps = "/{}/steps".format(name)
        self._name = name
        self._root = root
        self._is_unified = is_unified(root)

    def create(self, cpus: float, memory: int, processes: int) -> None:
        """Make it, empty, with its limits.

        Raises:
            OSError: the kernel, or whoever manages its groups, does not allow it.
        """
        if self._is_unified:
            with open(os.path.join(self._root, "cgroup.subtree_control"), "w") as file:
                file.write("+cpu +memory +pids")
        for folder in self._folders():
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder)
        for name, value in build_limits(cpus, memory, processes, self._is_unified).items():
            try:
                self._write(name, value)
            except OSError:
                if name not in _OPTIONAL:
                    raise
        if self._is_unified:
            self._write("cgroup.subtree_control", "+cpu +memory +pids")
        for folder in self._folders():
            with contextlib.suppress(FileExistsError):
                os.mkdir(os.path.join(folder, _CLIENT))

    def enter(self) -> None:
        """Enter it; for ``preexec_fn``."""
        controllers = [""] if self._is_unified else _CONTROLLERS
        for controller in controllers:
            path = os.path.join(self._root, controller, self._name, _CLIENT, "cgroup.procs")
            with open(path, "w") as file:
                file.write(str(os.getpid()))

    def memory_exceeded(self, limit: int) -> bool:
        """Whether the build had all the memory that it may have, cached files included."""
        name = "memory.peak" if self._is_unified else "memory/memory.max_usage_in_bytes"
        return self._read(name) >= limit - _MEMORY_SLACK

    def processes_exceeded(self, limit: int) -> bool:
        """Whether the build had as many processes as it may have; older kernels don't tell."""
        return self._read("pids.peak" if self._is_unified else "pids/pids.peak") >= limit

    def _read(self, name: str) -> int:
        with contextlib.suppress(OSError), open(self._file(name)) as file:
            return int(file.read())
        return -1

    def remove(self) -> bool:
        """End all processes, and remove it; False where some did not end."""
        with contextlib.suppress(OSError):
            self._write("pids.max" if self._is_unified else "pids/pids.max", "0")
        deadline = time.monotonic() + _END_SECONDS
        while self._kill():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        for folder in self._folders():
            _remove_tree(folder)
        return not any(os.path.exists(folder) for folder in self._folders())

    def _kill(self) -> bool:
        """Kill whatever is there now; returns whether anything was."""
        pids = {pid for folder in self._folders() for pid in _processes(folder)}
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return bool(pids)

    def _folders(self) -> List[str]:
        if self._is_unified:
            return [os.path.join(self._root, self._name)]
        return [
            os.path.join(self._root, controller, self._name) for controller in self._controllers()
        ]

    def _controllers(self) -> Iterable[str]:
        """Those that are used, and those where an engine has made the group."""
        for name in sorted(os.listdir(self._root)):
            path = os.path.join(self._root, name)
            is_made = os.path.isdir(os.path.join(path, self._name)) and not os.path.islink(path)
            if name in _CONTROLLERS or is_made:
                yield name

    def _file(self, name: str) -> str:
        if self._is_unified:
            return os.path.join(self._root, self._name, name)
        controller, _, file = name.partition("/")
        return os.path.join(self._root, controller, self._name, file)

    def _write(self, name: str, value: str) -> None:
        with open(self._file(name), "w") as file:
            file.write(value)


def _processes(folder: str) -> List[int]:
    pids: List[int] = []
    for path, _folders, _files in os.walk(folder):
        with contextlib.suppress(OSError), open(os.path.join(path, "cgroup.procs")) as file:
            pids += [int(line) for line in file]
    return pids


def _remove_tree(folder: str) -> None:
    for path, _folders, _files in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(path)
