"""The child process that reads a user's file; `converter.py` starts it.

On its input are four bytes (the length of the description, big-endian), the description (JSON) and
the file's bytes. It gives up whatever it does not need before it reads them: rights, files,
processes, memory and time. On its output is the preview; on its standard error one of the words of
`Failure`.
"""

import ctypes
import json
import os
import resource
import sys
from collections.abc import Callable
from enum import StrEnum

from rosetta_hub.files.preview import images
from rosetta_hub.files.preview.notebook import NotANotebook, read_notebook

# Bytes of memory, and seconds of CPU.
MEMORY = 1 << 30
CPU = 20
NOBODY = 65534
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_DUMPABLE = 4


class Failure(StrEnum):
    """Why there is no preview."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"


def main(kind: str) -> int:
    """Make one preview."""
    try:
        convert = prepare(kind)
    except ImportError:
        return _fail(Failure.MISSING)
    confine()
    length = int.from_bytes(sys.stdin.buffer.read(4), "big")
    description = sys.stdin.buffer.read(length)
    try:
        sys.stdout.buffer.write(convert(description, sys.stdin.buffer.read()))
        sys.stdout.buffer.flush()
    except MemoryError:
        return _fail(Failure.TOO_LARGE)
    except (images.Unreadable, NotANotebook):
        return _fail(Failure.UNREADABLE)
    return 0


def prepare(kind: str) -> Callable[[bytes, bytes], bytes]:
    """What makes a preview of this kind, with all that it imports.

    Raises:
        ImportError: a library is not installed.
    """
    if kind == "fits":
        images.warm_up_fits()
        return images.convert_fits
    if kind == "image":
        images.warm_up_pillow()
        return lambda _, data: images.convert_image(data)
    return lambda _, data: json.dumps(read_notebook(data)).encode()


def confine() -> None:
    """Give up what a parser does not need, for good."""
    limits = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_CPU: CPU,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        # What is open stays open.
        resource.RLIMIT_NOFILE: 0,
        resource.RLIMIT_NPROC: 0,
    }
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # No process of the same account looks into this one.
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _fail(failure: Failure) -> int:
    sys.stderr.write(failure.value)
    return 1
