"""Limits where no engine sets them: processors, processes, memory."""

import os
import platform
import random
import re
import resource
from typing import Optional, Tuple

from rosetta_agent.processes import descendants, read_stat

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PSS = re.compile(r"^Pss:\s+([0-9]+) kB", re.MULTILINE)
#: Since then a limit of processes counts those of the user namespace, not all of the user's.
_NAMESPACED_NPROC = (5, 14)


def describe_memory(limit: Optional[int]) -> str:
    """`` of 2 GiB``, or nothing without a limit."""
    if limit is None:
        return ""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if limit >= size:
            return " of {:g} {}".format(round(limit / float(size), 1), unit)
    return " of {} bytes".format(limit)


def apply_cpus(cpus: Optional[float]) -> None:
    """Keep this process, and all it starts, to so many processors, rounded up."""
    if cpus is None:
        return
    allowed = sorted(os.sched_getaffinity(0))
    count = max(1, int(-(-cpus // 1)))
    if count < len(allowed):
        # Any of them: tasks of one machine should not all share the first ones.
        os.sched_setaffinity(0, random.sample(allowed, count))  # noqa: S311


def kernel_version() -> Tuple[int, int]:
    """Major and minor number of the running kernel."""
    major, minor = re.findall(r"[0-9]+", platform.release())[:2]
    return int(major), int(minor)


def apply_pids(pids: Optional[int]) -> None:
    """Limit the processes of the present user namespace, on kernels which count them so."""
    if pids is not None and kernel_version() >= _NAMESPACED_NPROC:
        hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        most = pids if hard == resource.RLIM_INFINITY else min(pids, hard)
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))


def exceeds(pid: int, limit: int) -> bool:
    """Whether a process and all below it use more memory than ``limit`` bytes.

    Resident pages are counted first, which is cheap; pages that are shared are counted in
    shares (PSS, proc(5)) only when that sum is too high.
    """
    members = descendants(pid)
    resident = 0
    for member in members:
        stat = read_stat(member)
        resident += stat["resident_pages"] * _PAGE if stat is not None else 0
    return resident > limit and sum(_proportional(member) for member in members) > limit


def _proportional(pid: int) -> int:
    """PSS of one process in bytes; its resident memory where the kernel does not tell."""
    try:
        with open("/proc/{}/smaps_rollup".format(pid), encoding="ascii", errors="replace") as file:
            match = _PSS.search(file.read())
    except OSError:
        match = None
    if match:
        return int(match.group(1)) * 1024
    stat = read_stat(pid)
    return stat["resident_pages"] * _PAGE if stat is not None else 0
