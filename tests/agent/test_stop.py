"""The verb `stop` answers in time, whatever the engine and the attempt's own agent do."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rosetta_agent.protocol import STOP_SECONDS
from rosetta_hub.access import Completed
from rosetta_hub.resources.direct_launcher import DirectLauncher, build_local_invocation

from .machine import PYTHONS, ROOT

# The agent, with another deadline than in production.
CODE = """
import sys; sys.path.insert(0, {root!r})
import rosetta_agent.__main__ as agent
agent.STOP_SECONDS = 1.0
sys.exit(agent.main(["stop"]))
"""
ANSWER_SECONDS = 30.0


@pytest.fixture
def silent_engine(tmp_path: Path) -> Iterator[Path]:
    """A directory with a `docker` that never answers."""
    (tmp_path / "bin").mkdir()
    program, started = tmp_path / "bin" / "docker", tmp_path / "started"
    program.write_text(f"#!/bin/sh\necho $$ >> {started}\nexec sleep 1000\n")
    program.chmod(0o755)
    yield program.parent
    for pid in started.read_text().split() if started.exists() else []:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


def stop(python: str, work_dir: Path, engine: Path) -> tuple[int, dict[str, Any]]:
    """Exit status and answer of the verb."""
    spec = {"task": "t", "attempt": 1, "work_dir": str(work_dir), "engine": "docker"}
    process = subprocess.run(
        [python, "-c", CODE.format(root=str(ROOT / "agent"))],
        input=json.dumps({**spec, "path": [str(engine)], "stop": 0}),
        capture_output=True,
        text=True,
        timeout=ANSWER_SECONDS,
        check=False,
    )
    return process.returncode, json.loads(process.stdout)


def make_sandbox(work_dir: Path) -> Path:
    """What an agent left that had started a container."""
    sandbox = work_dir / "t-1"
    sandbox.mkdir(parents=True, mode=0o700)
    (sandbox / "agent.json").write_text('{"starting": true}')
    return sandbox


@pytest.mark.parametrize("python", PYTHONS)
def test_engine_that_never_answers(python: str, work_dir: Path, silent_engine: Path) -> None:
    sandbox = make_sandbox(work_dir)
    status, answer = stop(python, work_dir, silent_engine)
    assert (status, answer["state"]) == (1, "unknown")
    assert "within 1 s" in answer["error"]
    assert sandbox.exists()


@pytest.mark.parametrize("python", PYTHONS)
def test_agent_that_never_ends(python: str, work_dir: Path, silent_engine: Path) -> None:
    lock = os.open(make_sandbox(work_dir) / "agent.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        status, answer = stop(python, work_dir, silent_engine)
    finally:
        os.close(lock)
    assert (status, answer["state"]) == (1, "unknown")


class FakeAccess:
    """Records how long a command may take."""

    def __init__(self) -> None:
        self.timeouts: list[float] = []

    async def run(self, _argv: object, _stdin: str, timeout: float) -> Completed:
        self.timeouts.append(timeout)
        return Completed(0, '{"state": "stopped"}', "")


async def test_the_service_waits_for_the_answer() -> None:
    """It kills no agent that is about to say that it does not know."""
    access = FakeAccess()
    await DirectLauncher(access, build_local_invocation).cancel({"stop": 7})
    assert access.timeouts[0] > 7 + STOP_SECONDS
