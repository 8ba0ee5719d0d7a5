"""Runs programs on what strangers have written: with limits, and without rights or secrets."""

import asyncio
import contextlib
import json
import os
import pwd
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Bytes of memory of each process, unless its caller says otherwise.
MEMORY = 2 << 30
# Bytes of what a program prints.
MAX_OUTPUT = 32 << 20
_SCRIPT = Path(__file__).with_name("confine.py")
_PATH = "/usr/local/bin:/usr/bin:/bin"


class ConfinedTimeout(Exception):
    """The program has not ended in its time; it was killed."""


class ConfinedOverflow(Exception):
    """The program has printed too much; it was killed."""


@dataclass(frozen=True)
class ChildAccount:
    """Whose rights a program has; without one, those of the service."""

    uid: int
    gid: int


def find_account(name: str) -> ChildAccount | None:
    """The account of this name, where the service may become another one; None otherwise.

    Raises:
        KeyError: there is no such account.
    """
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(name)
    return ChildAccount(entry.pw_uid, entry.pw_gid)


@dataclass(frozen=True)
class Confinement:
    """Seconds until the program is killed, and bytes of its memory and of each file it writes."""

    account: ChildAccount | None
    time: float
    file_size: int = 0
    memory: int = MEMORY


@dataclass(frozen=True)
class Finished:
    """What a program has left: its exit status (negative: a signal), and what it printed."""

    code: int
    output: bytes
    errors: bytes


async def run_confined(
    command: Sequence[str],
    confinement: Confinement,
    *,
    folder: Path,
    environment: Mapping[str, str],
    data: bytes = b"",
    watch: Callable[[], Awaitable[None]] | None = None,
    own: bool = False,
) -> Finished:
    """Run a program to its end. It gets `environment` and nothing of the service's.

    With `own` it is a program of ours, which gives up rights and resources by itself. `watch` runs
    beside it; what it raises ends the program. So does a cancellation.

    Raises:
        ConfinedTimeout: it took too long.
        ConfinedOverflow: it printed too much.
    """
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        *(command if own else build_confined_command(command, confinement)),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        cwd=folder,
        env={"PATH": _PATH, "LC_ALL": "C", **environment},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(confinement.time):
            return await _communicate(child, data, watch)
    except TimeoutError as error:
        raise ConfinedTimeout from error
    finally:
        # The program may have ended, and have left children.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()
        await _close_pipes(child)


async def _close_pipes(child: asyncio.subprocess.Process) -> None:
    """Let go of what the program has not written, or has not read.

    asyncio itself closes the pipes when their other ends are closed, some time after the end of the
    program.
    """
    child._transport.close()  # type: ignore[attr-defined]
    # The files are closed by calls that the event loop makes next.
    await asyncio.sleep(0)


def build_confined_command(command: Sequence[str], confinement: Confinement) -> list[str]:
    """The command that runs another one within its limits."""
    order = json.dumps(build_limits(confinement))
    return [sys.executable, "-I", "-S", str(_SCRIPT), order, *command]


def build_limits(confinement: Confinement) -> dict[str, Any]:
    """The limits as `confine.py` reads them."""
    account = confinement.account
    limits = {
        "RLIMIT_AS": confinement.memory,
        "RLIMIT_CPU": int(confinement.time) + 1,
        "RLIMIT_FSIZE": confinement.file_size,
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": 1024,
    }
    return {
        "limits": limits,
        "uid": account.uid if account else None,
        "gid": account.gid if account else None,
    }


async def _communicate(
    child: asyncio.subprocess.Process,
    data: bytes,
    watch: Callable[[], Awaitable[None]] | None,
) -> Finished:
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_feed(child, data), name="feed a confined program")
            output = group.create_task(_read(child.stdout), name="read a confined program")
            errors = group.create_task(_read(child.stderr), name="read its errors")
            watcher = group.create_task(_watch(watch), name="watch a confined program")
            code = await child.wait()
            watcher.cancel()
    except ExceptionGroup as group_of_errors:
        raise group_of_errors.exceptions[0] from None
    return Finished(code, output.result(), errors.result())


async def _watch(watch: Callable[[], Awaitable[None]] | None) -> None:
    if watch is not None:
        await watch()


async def _feed(child: asyncio.subprocess.Process, data: bytes) -> None:
    stdin = child.stdin
    if stdin is None:
        return
    # A program that has failed does not read on.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(data)
        await stdin.drain()
        stdin.close()
        await stdin.wait_closed()


async def _read(stream: asyncio.StreamReader | None) -> bytes:
    data = bytearray()
    while stream is not None and (piece := await stream.read(1 << 16)):
        data += piece
        if len(data) > MAX_OUTPUT:
            raise ConfinedOverflow
    return bytes(data)
