"""The files program of the agent, as it is sent: nothing is installed, or written, on a host.

The command line holds a few lines that read a program from standard input and execute it. Frames of
the files protocol follow on the same input.
"""

import functools
import shlex
from collections.abc import Sequence

from rosetta_hub.agents.bundle import agent_folder

# What the program imports of the agent, beside its own package.
_MODULES = ("__init__.py", "safe_paths.py")
_DIGITS = 10
# Reads neither more nor less than the program: what follows belongs to the protocol.
_LOADER = f"""import os
def take(size):
    data = b""
    while len(data) < size:
        piece = os.read(0, size - len(data))
        if not piece:
            raise SystemExit("the program is not complete")
        data += piece
    return data
exec(take(int(take({_DIGITS}))))"""


def build_files_command(python: str = "python3", arguments: Sequence[str] = ()) -> list[str]:
    """What a host has to run, with `build_files_stdin` as the beginning of its input.

    `python` is a program, or a command such as `/usr/bin/env python3`.
    """
    return [*shlex.split(python), *("-I", "-S", "-B", "-c", _LOADER), *arguments]


@functools.cache
def build_files_stdin() -> bytes:
    """The program for `build_files_command`; frames follow it."""
    folder = agent_folder()
    sources = {
        ".".join(path.relative_to(folder.parent).with_suffix("").parts): path.read_text()
        for path in (
            *(folder / name for name in _MODULES),
            *sorted((folder / "files").glob("*.py")),
        )
    }
    boot = sources.pop("rosetta_agent.files.bootstrap")
    program = f"{boot}\n\nboot({sources!a}, sys.argv[1:])\n".encode()
    return f"{len(program):0{_DIGITS}d}".encode() + program
