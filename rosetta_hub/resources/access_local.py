"""Access mode `local`: commands run on the machine of the service, as its user."""

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence

from rosetta_hub.access import Completed
from rosetta_hub.errors import ResourceUnavailable

# Environment variables that engines, and the agents that call them, need. All others, such as the
# service's tokens, stay with the service: agents and their helpers live long, and tell them to
# every process of the same user.
_PASSED = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH"),
        *("XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"),
        *("DBUS_SESSION_BUS_ADDRESS", "REGISTRY_AUTH_FILE", "SSL_CERT_DIR", "SSL_CERT_FILE"),
    )
)
_PASSED_LOWER = frozenset(("http_proxy", "https_proxy", "all_proxy", "no_proxy"))
_PASSED_PREFIXES = ("LC_", "DOCKER_", "CONTAINER_", "CONTAINERS_", "APPTAINER_", "SINGULARITY_")


def build_agent_environment() -> dict[str, str]:
    """The part of the service's environment that agents on this machine get."""
    return {name: value for name, value in os.environ.items() if _is_passed(name)}


def _is_passed(name: str) -> bool:
    is_known = name in _PASSED or name.lower() in _PASSED_LOWER
    return is_known or name.startswith(_PASSED_PREFIXES)


class LocalAccess:
    """Runs argv lists without a shell; what is secret travels on standard input.

    `environment`: that of the commands; by default the one that agents get.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = environment

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
                env=build_agent_environment() if self._environment is None else self._environment,
            )
        except OSError as error:
            raise ResourceUnavailable(
                f"{argv[0]} could not be started: {error.strerror}."
            ) from error
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
