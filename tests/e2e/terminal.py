"""The machine of a user: programs there, such as the command `rosetta`."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path

from .deployment import User

# Seconds.
TIMEOUT = 90


@dataclass(frozen=True)
class Done:
    """A program that has ended."""

    code: int | None
    out: bytes
    err: str


@dataclass
class Terminal:
    """A user's own machine: its programs, and the home there."""

    user: User
    home: Path
    processes: list[Process]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "ROSETTA_HUB": self.user.deployment.url,
            "ROSETTA_TOKEN": self.user.token,
            "ROSETTA_CONFIG": str(self.home / "config" / "config.json"),
            # As docs/users.md says: programs that start ssh by themselves get the password so.
            "SSH_ASKPASS": "rosetta-askpass",
            "SSH_ASKPASS_REQUIRE": "force",
        }

    async def begin(self, *command: str) -> Process:
        """Start a program."""
        process = await asyncio.create_subprocess_exec(
            *command,
            env=self.environment,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            # No terminal: ssh would ask there.
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    async def run(self, *command: str, stdin: bytes = b"") -> Done:
        """Run a program to its end."""
        process = await self.begin(*command)
        async with asyncio.timeout(TIMEOUT):
            out, err = await process.communicate(stdin)
        return Done(process.returncode, out, err.decode())

    async def close(self) -> None:
        """End what is left."""
        for process in self.processes:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
