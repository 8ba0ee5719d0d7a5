"""What a container uses: CPU time and memory, read from its control group or from /proc."""

import os
from typing import Dict, List, NamedTuple, Optional

from rosetta_agent.processes import descendants, read_stat

_ROOT = "/sys/fs/cgroup"
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    """CPU seconds since the start, and bytes of memory now; of GPUs see ``GpuUsage``."""

    cpu_seconds: float
    memory: int
    gpu_percent: Optional[float] = None
    gpu_memory: Optional[int] = None
    gpu_memory_total: Optional[int] = None


def parse_cgroups(text: str) -> Dict[str, str]:
    """Read /proc/PID/cgroup (cgroups(7)): group by controller; '' is the unified hierarchy."""
    groups = {}
    for line in text.splitlines():
        _number, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            groups[controller] = path
    return groups


def parse_counters(text: str) -> Dict[str, int]:
    """Read a file of ``name value`` lines such as cpu.stat or memory.stat."""
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def measure(pid: int) -> Optional[Usage]:
    """Usage of the container whose first process is ``pid``; None when it is gone."""
    groups = parse_cgroups(_read("/proc/{}/cgroup".format(pid)))
    own = parse_cgroups(_read("/proc/self/cgroup"))
    for reader in (_measure_version_1, _measure_version_2):
        usage = reader(groups, own)
        if usage is not None:
            return usage
    return measure_tree(pid)


def measure_tree(pid: int) -> Optional[Usage]:
    """Usage of a process and all below it; ended children's CPU time is not counted."""
    stats = [stat for stat in map(read_stat, descendants(pid)) if stat is not None]
    if not stats:
        return None
    ticks = sum(stat["cpu_ticks"] for stat in stats)
    return Usage(ticks / float(_TICKS), sum(stat["resident_pages"] for stat in stats) * _PAGE)


def _measure_version_1(groups: Dict[str, str], own: Dict[str, str]) -> Optional[Usage]:
    cpu, memory = groups.get("cpuacct"), groups.get("memory")
    if not cpu or not memory or cpu == own.get("cpuacct") or memory == own.get("memory"):
        return None  # a group shared with ourselves says nothing about the container
    used = _read("{}/cpuacct{}/cpuacct.usage".format(_ROOT, cpu))
    now = _read("{}/memory{}/memory.usage_in_bytes".format(_ROOT, memory))
    if not used or not now:
        return None
    counters = parse_counters(_read("{}/memory{}/memory.stat".format(_ROOT, memory)))
    return Usage(int(used) / 1e9, max(0, int(now) - counters.get("total_inactive_file", 0)))


def _measure_version_2(groups: Dict[str, str], own: Dict[str, str]) -> Optional[Usage]:
    group = groups.get("")
    if not group or group == own.get(""):
        return None
    counters = parse_counters(_read("{}{}/cpu.stat".format(_ROOT, group)))
    now = _read("{}{}/memory.current".format(_ROOT, group))
    if "usage_usec" not in counters or not now:
        return None
    idle = parse_counters(_read("{}{}/memory.stat".format(_ROOT, group))).get("inactive_file", 0)
    return Usage(counters["usage_usec"] / 1e6, max(0, int(now) - idle))


def oom_kills() -> int:
    """How often the kernel has killed something of our batch job for want of memory."""
    groups = parse_cgroups(_read("/proc/self/cgroup"))
    return sum(parse_counters(_read(path)).get("oom_kill", 0) for path in build_event_files(groups))


def build_event_files(groups: Dict[str, str]) -> List[str]:
    """The files that count such kills: of our own group, and of those up to the job's."""
    memory = groups.get("memory")
    files = []
    for path in _up_to_job(groups.get("", "")):
        files += [_ROOT + path + "/memory.events", _ROOT + "/unified" + path + "/memory.events"]
    for path in _up_to_job(memory or ""):
        files.append(_ROOT + "/memory" + path + "/memory.oom_control")
    return files


def _up_to_job(path: str) -> List[str]:
    """A control group and those above it, Slurm's of the job last; itself where there is none."""
    parts = path.split("/")
    jobs = [index for index, part in enumerate(parts) if part.startswith("job_")]
    last = jobs[0] if jobs else len(parts) - 1
    return ["/".join(parts[: end + 1]) for end in range(last, len(parts))] if path else []


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except (OSError, ValueError):
        return ""
