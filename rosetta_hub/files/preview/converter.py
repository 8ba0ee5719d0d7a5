"""Starts the child process that reads a file, feeds it, and waits for the preview."""

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Literal

import rosetta_hub
from rosetta_hub.files.preview.child import Failure
from rosetta_hub.files.preview.errors import LibraryMissing, NoPreview, PreviewBusy

log = logging.getLogger(__name__)

Kind = Literal["notebook", "fits", "image"]

# Seconds for one preview, and until its turn comes.
TIMEOUT = 60.0
PATIENCE = 30.0
# Previews that are made at once.
AT_ONCE = 2
# Bytes of a preview.
MAX_OUTPUT = 64 << 20
# Characters of what a child says about an error that nobody expected.
MAX_LOGGED = 300

# The package's own beginning imports all that a hub needs, which takes seconds: it is left out.
_START = """
import sys, types
package = sys.modules["rosetta_hub"] = types.ModuleType("rosetta_hub")
package.__path__ = [sys.argv[1]]
from rosetta_hub.files.preview.child import main
sys.exit(main(sys.argv[2]))
"""
# Numerical libraries start threads otherwise, which the child's limits refuse.
_THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_TOO_LARGE = "The file is too large for a preview."
_MISSING = (
    "This preview needs astropy and Pillow, which are not installed with the service. Ask the"
    " administrator for the extra 'fits' of rosetta-hub."
)


class Converter:
    """One instance a service: it bounds how many previews are made at once."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def convert(
        self, kind: Kind, description: Mapping[str, Any], chunks: AsyncIterator[bytes]
    ) -> bytes:
        """The preview of a file whose bytes are `chunks`.

        Raises:
            NoPreview: the file is damaged, too large or something else.
            LibraryMissing: what reads such files is not installed.
            PreviewBusy: others are made first.
            RosettaError: what `chunks` raises.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                await self._turns.acquire()
        except TimeoutError as error:
            raise PreviewBusy("Too many previews are being made. Try again.") from error
        try:
            async with asyncio.timeout(TIMEOUT):
                return await _run_child(kind, json.dumps(description).encode(), chunks)
        except TimeoutError as error:
            raise NoPreview(_TOO_LARGE) from error
        finally:
            self._turns.release()


async def _run_child(kind: Kind, description: bytes, chunks: AsyncIterator[bytes]) -> bytes:
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-c", _START, str(Path(rosetta_hub.__file__).parent), kind),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        cwd="/",
        # Nothing of the service's environment is the child's business.
        env={"PATH": os.defpath, "HOME": "/nonexistent", **_THREADS},
        start_new_session=True,
    )
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_feed(child, description, chunks), name="feed a preview")
            output = group.create_task(_read(child.stdout), name="read a preview")
            errors = group.create_task(_read(child.stderr), name="read a preview's errors")
            group.create_task(child.wait(), name="wait for a preview")
    except ExceptionGroup as group_of_errors:
        raise group_of_errors.exceptions[0] from None
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    return _result(child.returncode, output.result(), errors.result())


async def _feed(
    child: asyncio.subprocess.Process, description: bytes, chunks: AsyncIterator[bytes]
) -> None:
    stdin = child.stdin
    if stdin is None:
        return
    # A child that has failed does not read on.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(len(description).to_bytes(4, "big") + description)
        async for chunk in chunks:
            stdin.write(chunk)
            await stdin.drain()
        stdin.close()
        await stdin.wait_closed()


async def _read(stream: asyncio.StreamReader | None) -> bytes:
    data = bytearray()
    while stream is not None and (piece := await stream.read(1 << 18)):
        data += piece
        if len(data) > MAX_OUTPUT:
            raise NoPreview(_TOO_LARGE)
    return bytes(data)


def _result(code: int | None, output: bytes, errors: bytes) -> bytes:
    if code == 0:
        return output
    failure = errors.decode("utf-8", "replace")
    if failure == Failure.MISSING:
        raise LibraryMissing(_MISSING)
    if failure == Failure.TOO_LARGE or (code is not None and code < 0):
        # Its limits of time and memory end it by signals, too.
        raise NoPreview(_TOO_LARGE)
    if failure != Failure.UNREADABLE:
        log.warning("a preview failed: %s", failure[-MAX_LOGGED:])
    raise NoPreview("The file is damaged, or of a kind that can't be shown here.")
