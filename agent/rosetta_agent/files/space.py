"""How full the file system of a storage is, and the quota of the account."""

import os
import re
import shutil
import subprocess
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from rosetta_agent.files.errors import explained
from rosetta_agent.files.storage import Storage

_QUOTA_SECONDS = 5.0
_BLOCK = 1024
# A number that is too high has a star.
_LINE = re.compile(r"^\s*/\S*\s+([0-9]+)\*?\s+([0-9]+)\s+([0-9]+)\s", re.MULTILINE)
#: Bytes used, and the limit.
Quota = Tuple[int, int]
#: Where a file system is mounted, and its type.
Mount = NamedTuple("Mount", [("path", str), ("type", str)])


def measure_space(storage: Storage) -> Dict[str, Any]:
    """Total, free and used bytes of the file system; nothing of quotas."""
    with explained(b""):
        info = os.fstatvfs(storage.root)
    return {
        "total": info.f_blocks * info.f_frsize,
        "free": info.f_bavail * info.f_frsize,
        "used": (info.f_blocks - info.f_bfree) * info.f_frsize,
    }


def measure(storage: Storage) -> Dict[str, Any]:
    """The space, and the quota of this account with what is used of it, where there is one.

    Asking for a quota takes up to five seconds where a file server does not answer.
    """
    used, quota = read_quota(storage) or (None, None)
    return dict(measure_space(storage), quota=quota, quota_used=used)


def read_quota(storage: Storage) -> Optional[Quota]:
    """The quota of this account on the file system of a storage, where the host tells it."""
    mount = _find_mount(os.fstat(storage.root).st_dev)
    if mount is None:
        return None
    command = build_quota_command(mount, os.geteuid())
    if shutil.which(command[0]) is None:
        return None
    try:
        process = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_QUOTA_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_quota(process.stdout.decode("utf-8", "replace"))


def build_quota_command(mount: Mount, uid: int) -> List[str]:
    """What tells the quota of an account on one file system, in one line."""
    if mount.type == "lustre":
        return ["lfs", "quota", "-q", "-u", str(uid), mount.path]
    return [
        *("quota", "--verbose", "--no-wrap", "--raw-grace", "--show-mntpoint", "--hide-device"),
        "--filesystem=" + mount.path,
    ]


def parse_quota(output: str) -> Optional[Quota]:
    """The line of a file system: mount point, then used, soft and hard limit in blocks of 1 KiB.

    The lower one of both limits counts; without any there is no quota.
    """
    match = _LINE.search(output)
    if match is None:
        return None
    used, *limits = (int(number) * _BLOCK for number in match.groups())
    limits = [limit for limit in limits if limit]
    return (used, min(limits)) if limits else None


def parse_mounts(mountinfo: str) -> Dict[int, Mount]:
    """Mounts by the number of their file system (proc(5), mountinfo)."""
    mounts: Dict[int, Mount] = {}
    for line in mountinfo.splitlines():
        fields = line.split(" ")
        major, minor = fields[2].split(":")
        path = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), fields[4])
        mounts.setdefault(
            os.makedev(int(major), int(minor)), Mount(path, fields[fields.index("-") + 1])
        )
    return mounts


def _find_mount(device: int) -> Optional[Mount]:
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            return parse_mounts(file.read()).get(device)
    except OSError:
        return None
