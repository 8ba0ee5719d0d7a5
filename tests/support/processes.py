"""Processes of this machine, found by what they were started with."""

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path


def find_processes(*words: str) -> dict[int, list[str]]:
    """Command lines, by process, of those that have all these words as arguments."""
    document = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            arguments = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if set(words) <= set(arguments):
                document[int(folder.name)] = arguments
    return document


def is_running(pid: int) -> bool:
    """Whether a process is there, and not only its exit status."""
    # One that ends meanwhile can be opened and not be read.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def kill(pids: Iterable[int]) -> None:
    """End processes at once."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
