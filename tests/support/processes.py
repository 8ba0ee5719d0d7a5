"""Processes of this machine, found by what they were started with."""

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path


def find_processes(*words: str) -> dict[int, list[str]]:
    """Command lines, by process, of those that have all these words as arguments."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            arguments = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if set(words) <= set(arguments):
                found[int(folder.name)] = arguments
    return found


def kill(pids: Iterable[int]) -> None:
    """End processes at once."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
