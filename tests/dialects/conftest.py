"""Fake schedulers on PATH."""

import asyncio
import getpass
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rosetta_hub.resources.access_local import LocalAccess
from rosetta_hub.resources.dialects.batch_wms import DIALECTS, BatchWms
from tests.dialects.cases import CASES, Case

ROOT = Path(__file__).parents[2]
USER = getpass.getuser()


@dataclass(frozen=True)
class Fake:
    """A fake scheduler, the directory of its jobs, and ours that talks to it."""

    case: Case
    root: Path
    wms: BatchWms
    scripts: Path

    def calls(self) -> list[list[str]]:
        """The commands that it was given."""
        path = self.root / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def put(self, number: int, name: str, user: str) -> None:
        """A waiting job of somebody."""
        record = {"id": number, "name": name, "user": user, "queue": "", "limit": None}
        record |= {"state": "queued", "code": None, "why": "", "started": 0}
        (self.root / f"job-{number}").write_text(json.dumps(record))


async def wait_for(question: Callable[[], Awaitable[bool]], what: str, seconds: float = 30) -> None:
    """Ask until the answer is yes."""
    deadline = time.monotonic() + seconds
    while not await question():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        await asyncio.sleep(0.05)


def install(name: str, target: Path, commands: tuple[str, ...]) -> None:
    """Executables of these names that run the fake."""
    target.mkdir()
    for command in commands:
        program = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        program += f"from tests.dialects.fakes import {name}\n"
        program += f"sys.exit({name}.main([{command!r}, *sys.argv[1:]]))\n"
        path = target / command
        path.write_text(f"#!{sys.executable} -S\n{program}")
        path.chmod(0o755)


@pytest.fixture(params=CASES)
def fake(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Fake]:
    """Each fake scheduler in turn."""
    case = CASES[request.param]
    install(case.name, tmp_path / "bin", case.commands)
    root = tmp_path / "scheduler"
    root.mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("FAKE_SCHEDULER", str(root))
    dialect = DIALECTS[case.name]()
    scripts = tmp_path / "scripts"
    if dialect.script_directory is not None:
        dialect.script_directory = str(scripts)
    # The fakes need variables that agents do not get.
    access = LocalAccess(os.environ)
    yield Fake(case, root, BatchWms(access, dialect), scripts)
    for path in root.glob("job-*"):
        (root / path.name.replace("job", "cancel")).touch()
