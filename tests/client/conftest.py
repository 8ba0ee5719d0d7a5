"""The command `rosetta` as its users run it, and the whole service that it asks."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from rosetta_hub.tasks.report import parse_report
from tests.rights.conftest import STORAGES, Site, no_outside, open_site, undo

__all__ = ["no_outside", "undo"]

# Seconds.
TIMEOUT = 60


@dataclass(frozen=True)
class Done:
    """A run of the command."""

    code: int
    out: str
    err: str


Run = Callable[..., Coroutine[Any, Any, Done]]


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory, no_outside: None) -> AsyncIterator[Site]:
    """The service, in which alice has one of everything, and a storage on this machine."""
    folder = tmp_path_factory.mktemp("client")
    home = {
        **{"id": "home", "name": "Home", "base_path": f"{folder}/files/$USER", "create": True},
        **{"computing": "local", "bind_path": "/home/metauser", "home": True},
    }
    async with open_site(folder, [*STORAGES, home]) as site:
        yield site


@pytest.fixture
def home(site: Site) -> Path:
    """Where alice's files are."""
    path = Path(site.parts.settings.state_dir) / "files" / "alice"
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture
def environment(tmp_path: Path, site: Site) -> dict[str, str]:
    """The variables of alice's programs; nothing of who runs the tests."""
    by_name = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
    return {
        **by_name,
        "HOME": str(tmp_path),
        "PYTHONWARNINGS": "error",
        "ROSETTA_HUB": f"http://127.0.0.1:{site.port}",
        "ROSETTA_TOKEN": "alice",
    }


@pytest.fixture
def rosetta(environment: dict[str, str]) -> Run:
    """Runs `rosetta` with arguments; variables that are None are not set."""

    async def run(*arguments: str, stdin: str = "", **variables: str | None) -> Done:
        merged = {**environment, **variables}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "rosetta_client", *arguments),
            env={key: value for key, value in merged.items() if value is not None},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(TIMEOUT):
            out, err = await process.communicate(stdin.encode())
        return Done(process.returncode or 0, out.decode(), err.decode())

    return run


def report(site: Site, state: str, text: str, offset: int = 0) -> None:
    """What the agent of alice's running task tells: its state, and a piece of its log."""
    task = site.parts.tasks.find(site.ids["tasks"])
    log = {"offset": offset, "text": text}
    document = {"sequence": 1 + offset, "state": state, "log": log}
    site.parts.tasks.report(task, parse_report(json.dumps(document).encode()))
