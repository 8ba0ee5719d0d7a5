"""What is mounted where, as /proc/PID/mountinfo tells it (proc(5))."""

import os
import re
from typing import List, NamedTuple, Optional

_ESCAPE = re.compile(r"\\([0-7]{3})")


class MountPoint(NamedTuple):
    """One line of a mountinfo file: the directory, and the type of what is mounted there."""

    path: str
    type: str


def parse_mountinfo(text: str) -> List[MountPoint]:
    """All mount points of a mountinfo file, in its order: later ones may hide earlier ones."""
    points = []
    for line in text.splitlines():
        fields, _dash, source = line.partition(" - ")
        point = _ESCAPE.sub(lambda match: chr(int(match.group(1), 8)), fields.split()[4])
        points.append(MountPoint(point, source.split()[0]))
    return points


def read_mountinfo(pid: str = "self") -> List[MountPoint]:
    """The mount points that a process sees."""
    path = "/proc/{}/mountinfo".format(pid)
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return parse_mountinfo(file.read())


def is_below(path: str, parent: str) -> bool:
    """Whether a path is the parent, or in it."""
    return path == parent or path.startswith(parent.rstrip("/") + "/")


def mounted_below(path: str) -> List[str]:
    """Mount points at a path, or in it."""
    real = os.path.realpath(path)
    return [mount.path for mount in read_mountinfo() if is_below(mount.path, real)]


def file_system_of(mounts: List[MountPoint], path: str) -> Optional[str]:
    """The type of the file system that holds a path."""
    best, file_system = "", None
    for mount in mounts:
        if is_below(path, mount.path) and len(mount.path) >= len(best):
            best, file_system = mount.path, mount.type
    return file_system
