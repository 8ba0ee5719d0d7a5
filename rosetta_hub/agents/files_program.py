"""The files program of the agent, as it is sent: nothing is installed, or written, on a host.

The command line holds a line that reads a program from standard input and executes it. Frames of
the files protocol follow on the same input.
"""

import functools
import shlex
from collections.abc import Sequence

from rosetta_hub.agents.bundle import agent_folder

# What the program imports of the agent, beside its own package.
_MODULES = ("__init__.py", "safe_paths.py")
# Reads neither more nor less than the program: what follows belongs to the protocol. One line
# without exclamation marks, because the login shell may be csh, which can't quote these.
_LOADER = (
    "import os;t=[];"
    'exec(b"".join(iter(lambda:t.append(os.read(0,{size}-sum(map(len,t))))or t[-1],b"")))'
)


def build_files_command(python: str = "python3", arguments: Sequence[str] = ()) -> list[str]:
    """What a host has to run, with `build_files_stdin` as the beginning of its input.

    `python` is a program, or a command such as `/usr/bin/env python3`.
    """
    loader = _LOADER.format(size=len(build_files_stdin()))
    return [*shlex.split(python), *("-I", "-S", "-B", "-c", loader), *arguments]


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
    return f"{boot}\n\nboot({sources!a}, sys.argv[1:])\n".encode()
