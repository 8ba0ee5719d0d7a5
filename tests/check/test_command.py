"""The subcommand, as an administrator calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.ports import free_port

CONFIG = """
c = get_config()
c.Rosetta.tasks_url = "http://127.0.0.1"
c.Rosetta.state_dir = {state!r}
c.Rosetta.service_url = "http://127.0.0.1:{port}"
c.Rosetta.computing = [
    {{"id": "here", "name": "Here", "container_engines": ["docker"]}},
    {{"id": "lame", "name": "Lame", "container_engines": ["singularity"]}},
]
"""


def call(
    tmp_path: Path, *arguments: str, stdout: int = subprocess.PIPE
) -> "subprocess.CompletedProcess[str]":
    config = tmp_path / "jupyterhub_config.py"
    config.write_text(CONFIG.format(state=str(tmp_path / "state"), port=free_port()))
    command = [sys.executable, "-m", "rosetta_hub", "check", "--config", str(config), *arguments]
    environment = {**os.environ, "HOME": str(tmp_path)}
    return subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=100, env=environment
    )


def test_table_and_status(tmp_path: Path) -> None:
    """Of a resource that works: in the place of the service, which is not started, answers ours."""
    answer = call(tmp_path, "here")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "here (Here)" in answer.stdout
    assert "ok     node to service" in answer.stdout
    assert "lame" not in answer.stdout


def test_json_and_failure(tmp_path: Path) -> None:
    answer = call(tmp_path, "--json")
    assert answer.returncode == 1, answer.stdout + answer.stderr
    reports = json.loads(answer.stdout)
    assert (reports["here"]["ok"], reports["lame"]["ok"]) == (True, False)
    failed = [check for check in reports["lame"]["checks"] if check["status"] == "failed"]
    assert [item["name"] for item in failed] == ["engines"]
    assert set(failed[0]) == {"name", "status", "seconds", "text", "advice"}


def test_unknown_resource(tmp_path: Path) -> None:
    answer = call(tmp_path, "nosuch")
    assert answer.returncode == 2
    assert "here, lame" in answer.stderr


def test_reader_that_leaves(tmp_path: Path) -> None:
    """As `rosetta-hub check | head` does."""
    answer = call(tmp_path, "lame", stdout=closed_pipe())
    assert (answer.returncode, answer.stderr) == (1, "")
    answer = call(tmp_path, "lame", "--json", stdout=closed_pipe())
    assert (answer.returncode, answer.stderr) == (1, "")


def closed_pipe() -> int:
    """The writing end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def test_modules_are_looked_through_for_garbage_at_no_time() -> None:
    """What the command makes itself is: the service runs for months."""
    program = """
import gc, runpy, sys
sys.argv = ["rosetta-hub", "--version"]
try:
    runpy.run_module("rosetta_hub", run_name="__main__")
finally:
    print(gc.get_freeze_count() > 100_000, gc.isenabled(), gc.get_stats()[2]["collections"])
"""
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert completed.returncode == 0, completed.stderr
    assert completed.stdout.splitlines()[-1] == "True True 0"
