"""Whether changes of a Singularity container's own files can be kept in a directory.

Both conditions are Apptainer's own (apptainer-run(1), --overlay): a version that mounts
overlays without root, and a file system that such a mount can write to.
"""

import os
import re
from typing import Tuple

from rosetta_agent.mountinfo import file_system_of, read_mountinfo
from rosetta_agent.processes import run

_ASK_SECONDS = 20.0
#: Known to work as the upper layer; network file systems are not.
_FILE_SYSTEMS = frozenset(("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay"))
#: SingularityCE since then mounts directories without root, every Apptainer but the first does.
_FIRST_SINGULARITY = (4, 0)
_VERSION = re.compile(r"([0-9]+)\.([0-9]+)")


def is_overlay_capable(program: str) -> bool:
    """Whether the program mounts a directory as an overlay without root."""
    if os.path.basename(program) == "apptainer":
        return True
    return parse_version(run([program, "--version"], _ASK_SECONDS).output) >= _FIRST_SINGULARITY


def parse_version(text: str) -> Tuple[int, int]:
    """Major and minor number in the answer to ``--version``; 0.0 where there is none."""
    match = _VERSION.search(text)
    return (int(match.group(1)), int(match.group(2))) if match else (0, 0)


def takes_overlays(path: str) -> bool:
    """Whether the file system of a directory can be the upper layer of an overlay."""
    return file_system_of(read_mountinfo(), os.path.realpath(path)) in _FILE_SYSTEMS
