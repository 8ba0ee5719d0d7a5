"""Processes: who they are, whether they live, and how they are started and ended."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from rosetta_agent.errors import StateUnknown, TaskFailure

#: Numbers of capabilities(7).
CAP_SYS_ADMIN, CAP_SYS_RESOURCE = 21, 24
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_LIBC = ctypes.CDLL(None, use_errno=True)


class ProcessId(NamedTuple):
    """A process: its number, and when it started (clock ticks after boot, proc(5)).

    Numbers are used again after a while; the pair is not.
    """

    pid: int
    started: int


class CommandResult(NamedTuple):
    """What a finished program left: exit status, and its output as text."""

    status: int
    output: str
    errors: str


def parse_stat(text: str) -> Dict[str, int]:
    """Read a /proc/PID/stat line (proc(5)): parent, ticks of CPU time, start, pages; ``dead``."""
    fields = text[text.rindex(")") + 2 :].split()
    return {
        "dead": int(fields[0] in "ZXx"),
        "parent": int(fields[1]),
        "cpu_ticks": int(fields[11]) + int(fields[12]),
        "started": int(fields[19]),
        "resident_pages": int(fields[21]),
    }


def read_stat(pid: int) -> Optional[Dict[str, int]]:
    """The figures of one process, or None when it is gone."""
    try:
        with open("/proc/{}/stat".format(pid), encoding="utf-8", errors="replace") as file:
            return parse_stat(file.read())
    except (OSError, ValueError):
        return None


def identify(pid: int) -> Optional[ProcessId]:
    """Identity of a living process, or None."""
    stat = read_stat(pid)
    return None if stat is None or stat["dead"] else ProcessId(pid, stat["started"])


def is_alive(identity: ProcessId) -> bool:
    """Whether that very process still runs (a zombie does not)."""
    return identify(identity.pid) == identity


def send(identity: Optional[ProcessId], number: int) -> None:
    """Signal that very process; nothing happens when it is gone."""
    if identity is not None and is_alive(identity):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(identity.pid, number)


def wait_gone(identity: ProcessId, seconds: float) -> bool:
    """Wait until that process has ended; False when it has not in time."""
    deadline = time.monotonic() + seconds
    while is_alive(identity):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def terminate(identity: Optional[ProcessId], seconds: float) -> None:
    """Ask that process to end, and force it when it has not after ``seconds``."""
    if identity is None:
        return
    send(identity, signal.SIGTERM)
    if not wait_gone(identity, seconds):
        send(identity, signal.SIGKILL)
        wait_gone(identity, 2.0)


def descendants(pid: int) -> List[int]:
    """The process and everything below it, from one pass over /proc."""
    children: Dict[int, List[int]] = {}
    for name in os.listdir("/proc"):
        stat = read_stat(int(name)) if name.isdigit() else None
        if stat is not None:
            children.setdefault(stat["parent"], []).append(int(name))
    pids = [pid]
    for member in pids:
        pids.extend(children.get(member, []))
    return pids


def kill_tree(identity: Optional[ProcessId]) -> None:
    """End that process and all below it by force."""
    if identity is None or not is_alive(identity):
        return
    for pid in descendants(identity.pid):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def parse_capabilities(status: str) -> int:
    """The effective capabilities in a /proc/PID/status, as bits."""
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def has_capability(number: int) -> bool:
    """Whether this process has a capability in its own user namespace."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        return bool(parse_capabilities(file.read()) & (1 << number))


def die_with_parent() -> None:
    """Make this process end when the thread that started it does (prctl(2)).

    For ``preexec_fn``: helpers that only serve the agent must not outlive a killed agent.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def become_subreaper() -> None:
    """Make orphans below this process its children, instead of process 1's (prctl(2))."""
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def give_up_privileges() -> None:
    """Let nothing that this process starts gain privileges, by setuid for one (prctl(2))."""
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def missing_program(program: str) -> TaskFailure:
    """The failure to report when a program is not installed."""
    return TaskFailure(
        "engine_unavailable",
        "{} is not installed on this machine, or not in the PATH of the agent.".format(program),
    )


def run(
    argv: Sequence[str], seconds: float, environment: Optional[Mapping[str, str]] = None
) -> CommandResult:
    """Run a program to its end.

    Raises:
        TaskFailure: it is not installed (engine_unavailable).
        StateUnknown: it did not end in time; it was killed.
    """
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(os.environ, **(environment or {})),
        )
    except FileNotFoundError as exc:
        raise missing_program(argv[0]) from exc
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as exc:
        process.kill()
        process.communicate()
        raise StateUnknown("{} did not answer in {} s".format(argv[0], seconds)) from exc
    return CommandResult(
        process.returncode, output.decode("utf-8", "replace"), errors.decode("utf-8", "replace")
    )


def build_helper_command(module: str) -> List[str]:
    """Command line of a helper process of ours, found wherever this package was loaded from."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    code = "import sys; sys.path.insert(0, sys.argv[1]); from rosetta_agent.{} import main; main()"
    return [sys.executable, "-I", "-c", code.format(module), root]


def start_helper(module: str, spec: Dict[str, Any], log: str) -> "subprocess.Popen[bytes]":
    """Start a helper in a session of its own; it reads ``spec`` as JSON on standard input.

    It outlives the agent on purpose, and says when it is ready on its standard output.
    """
    with open(log, "ab") as errors:
        process = subprocess.Popen(
            build_helper_command(module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            cwd="/",
        )
    assert process.stdin is not None  # noqa: S101 - tells the type checker what PIPE means
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(spec).encode())
        process.stdin.close()
    return process
