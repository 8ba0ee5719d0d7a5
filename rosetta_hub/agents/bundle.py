"""The agent as a program that can be sent: nothing has to be installed on a resource.

One text holds the agent's archive and its spec. A scheduler gets it as a batch script, a host
gets it on the standard input of `python3`; either way it unpacks the archive into the spec's
`work_dir`, checks it, and becomes `rosetta_agent`. Its first part is
agent/rosetta_agent/bootstrap.py. No secret is in an argument or a variable.
"""

import base64
import functools
import hashlib
import importlib.util
import io
import json
import shlex
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from rosetta_hub.errors import ConfigError

# Of every file: the archive depends on the agent alone. The oldest date that zip knows.
_DATE = (1980, 1, 1, 0, 0, 0)
_END = "ROSETTA_END"
# What a pod's second container imports.
_SIDECAR_MODULES = ("__init__", "dial_client", "namespaces", "protocol", "sidecar", "splice")
_SIDECAR_MAIN = (
    b"import sys\nfrom rosetta_agent.sidecar import main\nsys.exit(main(sys.argv[1:]))\n"
)

# What a host is told to do, and what a batch job does.
Verb = Literal["run", "stop", "check"]
BatchVerb = Literal["batch", "check"]


@functools.cache
def agent_archive() -> bytes:
    """The agent as a zip file; the same bytes wherever the same agent is packed."""
    folder = agent_folder()
    return _pack(
        {str(path.relative_to(folder.parent)): path.read_bytes() for path in folder.rglob("*.py")}
    )


@functools.cache
def sidecar_program() -> bytes:
    """The program of a pod's second container, as a zip file that Python runs.

    It holds those modules of the agent alone that `rosetta_agent.sidecar` needs.
    """
    folder = agent_folder()
    modules = {f"{folder.name}/{name}.py": folder / f"{name}.py" for name in _SIDECAR_MODULES}
    return _pack({"__main__.py": _SIDECAR_MAIN} | {n: p.read_bytes() for n, p in modules.items()})


def _pack(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _DATE)
            info.external_attr = 0o600 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, files[name], compresslevel=9)
    return buffer.getvalue()


@functools.cache
def agent_checksum() -> str:
    """SHA-256 of the archive, in hexadecimal."""
    return hashlib.sha256(agent_archive()).hexdigest()


def build_batch_script(
    spec: Mapping[str, Any],
    python: str = "python3",
    verb: BatchVerb = "batch",
    prologue: Sequence[str] = (),
) -> str:
    """The batch script of a job: a Python program that becomes the agent of this spec.

    `python` is a name that is looked for in PATH, an absolute path, or a command such as
    `/usr/bin/env python3`. Schedulers that ignore the first line and hand the script to a shell,
    by name or on its standard input, start the same program. With a `prologue` it is a script of a
    login shell, which executes these lines first.

    Raises:
        ConfigError: `python` can't stand in the first line of a script.
    """
    words = shlex.split(python)
    if len(words) == 1 and "/" not in words[0]:
        words = ["/usr/bin/env", *words]
    if not words or not words[0].startswith("/") or any(len(word.split()) != 1 for word in words):
        raise ConfigError(f"python: {python!r} is neither a name nor an absolute path")
    start = f"exec {shlex.join(words)} -I - <<'{_END}'"
    program = f"{_program(spec, verb)}{_END}\n"
    if prologue:
        return "\n".join(("#!/bin/bash -l", *prologue, start, program))
    # For Python this line is a text without effect; a shell executes it, and hands on the rest.
    shell = f"''''{start} # '''"
    return f"#!{' '.join(words)}\n{shell}\n{program}"


def build_remote_command(verb: Verb, python: str = "python3") -> list[str]:
    """What a host without a scheduler has to run, with `build_remote_stdin` as its input."""
    return [*shlex.split(python), "-I", "-", verb]


def build_remote_stdin(spec: Mapping[str, Any]) -> str:
    """The program for `build_remote_command`: agent and spec; nothing else is transferred."""
    return _program(spec, "batch")


def _program(spec: Mapping[str, Any], verb: BatchVerb) -> str:
    # One line, ASCII: whatever the spec holds, no line of the program is the end of another.
    text, archive = json.dumps(spec), _archive_lines()
    call = f'boot("{agent_checksum()}", """\n{archive}\n""", {text!r}, sys.argv[1:] or ["{verb}"])'
    return f"{_boot()}\n\n{call}\n"


@functools.cache
def _archive_lines() -> str:
    """The archive in base64, on lines of 100 characters."""
    encoded = base64.b64encode(agent_archive()).decode()
    return "\n".join(encoded[start : start + 100] for start in range(0, len(encoded), 100))


@functools.cache
def _boot() -> str:
    return (agent_folder() / "bootstrap.py").read_text()


def agent_folder() -> Path:
    """Where the agent's modules are. Raises ConfigError when it is not installed."""
    spec = importlib.util.find_spec("rosetta_agent")
    if spec is None or spec.origin is None:
        raise ConfigError("the package rosetta_agent is not installed")
    return Path(spec.origin).parent
