"""Access mode `local`: commands run on the machine of the service, as its user."""

import asyncio
import contextlib
from collections.abc import Sequence

from rosetta_hub.access import Completed
from rosetta_hub.errors import ResourceUnavailable


class LocalAccess:
    """Runs argv lists without a shell; what is secret travels on standard input."""

    async def run(self, argv: Sequence[str], stdin: str, timeout: float) -> Completed:
        """Run a command to its end.

        `timeout` is in seconds; the command is killed after it.

        Raises:
            ResourceUnavailable: it could not be started, or did not end in time.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise ResourceUnavailable(f"{argv[0]} could not be started: {error}") from error
        try:
            async with asyncio.timeout(timeout):
                out, err = await process.communicate(stdin.encode())
        except TimeoutError as error:
            raise ResourceUnavailable(f"{argv[0]} did not end within {timeout:g} s") from error
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
        # Always set after communicate(); -1 would be a signal's, 1 is an error like any other.
        code = 1 if process.returncode is None else process.returncode
        return Completed(code, out.decode(errors="replace"), err.decode(errors="replace"))
