"""The command `rosetta` as its users run it, and the whole service that it asks."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.rights.conftest import Site, no_outside, site, undo

__all__ = ["no_outside", "site", "undo"]

# Seconds.
TIMEOUT = 60


@dataclass(frozen=True)
class Done:
    """A run of the command."""

    code: int
    out: str
    err: str


Run = Callable[..., Coroutine[Any, Any, Done]]


@pytest.fixture
def environment(tmp_path: Path, site: Site) -> dict[str, str]:
    """The variables of alice's programs; nothing of who runs the tests."""
    kept = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
    return {
        **kept,
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
