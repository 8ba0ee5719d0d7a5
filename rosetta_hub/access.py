"""How commands get to a computing resource, whatever its access mode."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Completed:
    """Exit status and output of a command that ran to its end."""

    returncode: int
    stdout: str
    stderr: str


class Access(Protocol):
    """Runs argv lists on a resource, as one identity; what is secret travels on standard input."""

    async def run(self, argv: Sequence[str], stdin: str, timeout: float) -> Completed:
        """Run a command to its end, within `timeout` seconds.

        Raises:
            ResourceUnavailable: it is not known whether it ran, or how it ended.
        """
