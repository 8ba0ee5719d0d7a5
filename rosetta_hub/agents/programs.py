"""Programs of the agent, as they are sent: nothing is installed, or written, on a host.

The command line holds a line that reads a program from standard input and executes it. Frames of
the files protocol follow on the same input.
"""

import functools
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from rosetta_hub.agents.bundle import agent_folder

# Reads neither more nor less than the program: what follows belongs to the protocol. One line
# without exclamation marks, because the login shell may be csh, which can't quote these.
_LOADER = (
    "import os;t=[];"
    'exec(b"".join(iter(lambda:t.append(os.read(0,{size}-sum(map(len,t))))or t[-1],b"")))'
)
_BOOTSTRAP = "rosetta_agent.files.bootstrap"


@dataclass(frozen=True)
class Program:
    """A program whose `main` is in `module`; `sources` are patterns of what it imports."""

    module: str
    sources: tuple[str, ...]

    def command(self, python: str = "python3", arguments: Sequence[str] = ()) -> list[str]:
        """What a host has to run, with `stdin` as the beginning of its input.

        `python` is a program, or a command such as `/usr/bin/env python3`.
        """
        loader = _LOADER.format(size=len(self.stdin()))
        return [*shlex.split(python), *("-I", "-S", "-B", "-c", loader), *arguments]

    def stdin(self) -> bytes:
        """The program; frames follow it."""
        return _pack(self)


# The files of storages, as their owner.
FILES_PROGRAM = Program(
    "rosetta_agent.files.server", ("__init__.py", "safe_paths.py", "files/*.py")
)
# The same in a pod that listens for the hub.
POD_FILES_PROGRAM = Program(
    "rosetta_agent.files.pod", ("__init__.py", "protocol.py", "safe_paths.py", "files/*.py")
)
# Builds of images; see agent/rosetta_agent/builds.
BUILD_PROGRAM = Program(
    "rosetta_agent.builds.server",
    (
        *("__init__.py", "errors.py", "processes.py", "builds/*.py"),
        *("files/__init__.py", "files/frames.py", "files/bootstrap.py"),
    ),
)

# `kubectl proxy` for as long as it is wanted.
KUBECTL_PROGRAM = Program(
    "rosetta_agent.kubectl_proxy",
    (
        *("__init__.py", "errors.py", "processes.py", "kubectl_proxy.py"),
        *("files/__init__.py", "files/frames.py", "files/bootstrap.py"),
    ),
)


@functools.cache
def _pack(program: Program) -> bytes:
    folder = agent_folder()
    sources = {
        ".".join(path.relative_to(folder.parent).with_suffix("").parts): path.read_text()
        for pattern in program.sources
        for path in sorted(folder.glob(pattern))
    }
    boot = sources.pop(_BOOTSTRAP)
    return f"{boot}\n\nboot({sources!a}, sys.argv[1:], {program.module!r})\n".encode()
