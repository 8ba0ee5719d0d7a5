"""A scheduler that does what a test says: slow, silent, or out of its mind."""

import contextlib
import io
import itertools
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from rosetta_hub.access import Completed
from rosetta_hub.resources.access_local import LocalAccess
from rosetta_hub.resources.slurm.wms import SlurmWms

from . import slurm

PROGRAM = Path(__file__).with_name("slurm.py")
# Python compiles what it imports once, and the program that it starts with each time.
START = f"""#!{sys.executable} -IS
import sys
sys.path.insert(0, {str(PROGRAM.parent)!r})
import slurm
sys.exit(slurm.main())
"""
COMMANDS = ("sbatch", "squeue", "sacct", "scancel", "scontrol", "sinfo", "sacctmgr")


class FakeSlurm:
    """Slurm's commands in a directory, which also holds the queue and the behaviour."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for name in COMMANDS:
            command = directory / name
            command.write_text(START)
            command.chmod(0o755)

    def wms(self, user: str = "alice") -> SlurmWms:
        """The driver, with these commands on its path."""
        return SlurmWms(LocalAccess(), user, path=[str(self.directory)])

    def direct_wms(self, user: str = "alice") -> SlurmWms:
        """The driver, for which the commands' program runs in this process.

        To start it takes 30 ms of a processor.
        """
        return SlurmWms(DirectAccess(self.directory), user, path=[str(self.directory)])

    def behave(self, **commands: dict[str, Any]) -> None:
        """What each command does: `delay` (s), `stdout`, `stderr`, `returncode` instead of an
        answer; `after`: true, when it answers so only after having done its work."""
        self._write("behaviour.json", commands)

    def change(self, command: str, present: str, other: str) -> None:
        """Have a command be of a program in which one text stands for another."""
        program = PROGRAM.read_text()
        assert present in program
        text = f"#!{sys.executable} -IS\n{program.replace(present, other)}"
        (self.directory / command).write_text(text)

    def add_jobs(self, *jobs: dict[str, Any]) -> None:
        """Put jobs into the queue as they are, with the fields that the format strings print."""
        new = {job["id"]: {"state": "PENDING", **job} for job in jobs}
        self._write("jobs.json", {**self.jobs(), **new})

    def jobs(self) -> dict[str, dict[str, Any]]:
        """All jobs by id."""
        path = self.directory / "jobs.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def calls(self) -> list[str]:
        """The commands that were run, in order, with their arguments."""
        path = self.directory / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def _write(self, name: str, document: object) -> None:
        new = self.directory / f"{name}.new"
        new.write_text(json.dumps(document))
        os.replace(new, self.directory / name)


class DirectAccess(LocalAccess):
    """Runs the commands of a FakeSlurm in this process, and others as programs."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory

    async def run(self, argv: Sequence[str], stdin: str, timeout: float) -> Completed:
        """See LocalAccess. Nothing is waited for, so there is no time limit."""
        # After `env` and what it changes.
        words = list(itertools.dropwhile(lambda word: word not in COMMANDS, argv))
        if not words:
            return await super().run(argv, stdin, timeout)
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.object(slurm, "HERE", str(self._directory)),
            mock.patch.object(sys, "argv", words),
            mock.patch.object(sys, "stdin", io.StringIO(stdin)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = slurm.main()
        return Completed(code, out.getvalue(), err.getvalue())
