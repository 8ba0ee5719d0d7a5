"""The agent that travels with its spec: as a batch script, and to a host without a scheduler."""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.agents.bundle import (
    agent_archive,
    agent_checksum,
    build_batch_script,
    build_remote_command,
    build_remote_stdin,
)
from rosetta_hub.errors import ConfigError

from . import specs
from .machine import PYTHONS, files_in_memory

NOBODY = 65534


def stop_order(work_dir: Path | str, **more: Any) -> dict[str, Any]:
    return {"task": "abc", "attempt": 1, "work_dir": str(work_dir), "engine": "singularity", **more}


def full_order(work_dir: Path) -> dict[str, Any]:
    return specs.full_order(work_dir=str(work_dir), engine="singularity", runtime=None)


def call(program: str, *argv: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv, input=program, capture_output=True, text=True, check=False, timeout=60, **options
    )


def remote(spec: dict[str, Any], python: str = sys.executable) -> dict[str, Any]:
    """What a host answers to `stop`."""
    result = call(build_remote_stdin(spec), *build_remote_command("stop", python))
    assert result.stdout, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout)
    return {**answer, "status": result.returncode}


def unpacked(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_same_agent_same_archive() -> None:
    first = agent_archive()
    agent_archive.cache_clear()
    assert agent_archive() == first
    assert b"rosetta_agent/engines/docker.py" in first


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("mask", [0o000, 0o777])
def test_unpacks_privately_whatever_the_umask(tmp_path: Path, python: str, mask: int) -> None:
    folder = tmp_path / "deep" / "w"
    spec = build_remote_stdin(stop_order(folder))
    answer = call(spec, *build_remote_command("stop", python), umask=mask)
    assert json.loads(answer.stdout) == {"state": "stopped"}
    (path,) = folder.iterdir()
    assert path.read_bytes() == agent_archive()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_is_used_again(tmp_path: Path) -> None:
    assert remote(stop_order(tmp_path / "w"))["state"] == "stopped"
    (path,) = (tmp_path / "w").iterdir()
    before = path.stat().st_ino
    assert remote(stop_order(tmp_path / "w"))["state"] == "stopped"
    assert path.stat().st_ino == before


def test_damaged_copy_is_replaced(tmp_path: Path) -> None:
    remote(stop_order(tmp_path / "w"))
    (path,) = (tmp_path / "w").iterdir()
    path.write_bytes(path.read_bytes()[:1000])
    assert remote(stop_order(tmp_path / "w"))["state"] == "stopped"
    assert path.read_bytes() == agent_archive()


def test_damaged_program_does_nothing(tmp_path: Path) -> None:
    program = build_remote_stdin(stop_order(tmp_path / "w"))
    result = program.replace(agent_checksum(), "0" * 64)
    answer = call(result, *build_remote_command("stop", sys.executable))
    assert answer.returncode == 2
    assert "the archive is damaged" in json.loads(answer.stdout)["error"]
    assert not (tmp_path / "w").exists()


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "w").symlink_to(tmp_path / "elsewhere")
    answer = remote(stop_order(tmp_path / "w"))
    assert answer["status"] == 2
    assert "is not a directory" in answer["error"]
    assert unpacked(tmp_path / "elsewhere") == []


def test_linked_archive_is_replaced(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "w").mkdir(mode=0o700)
    name = f"agent-{agent_checksum()[:16]}.zip"
    (tmp_path / "w" / name).symlink_to(victim)
    assert remote(stop_order(tmp_path / "w"))["state"] == "stopped"
    assert victim.read_text() == "precious"
    assert not (tmp_path / "w" / name).is_symlink()


@pytest.mark.system
def test_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    os.chown(tmp_path / "w", NOBODY, NOBODY)
    answer = remote(stop_order(tmp_path / "w"))
    assert f"belongs to another user ({NOBODY})" in answer["error"]
    assert unpacked(tmp_path / "w") == []


def test_open_directory_is_closed(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w").chmod(0o777)
    remote(stop_order(tmp_path / "w"))
    assert stat.S_IMODE((tmp_path / "w").stat().st_mode) == 0o700


def test_number_of_the_user(tmp_path: Path) -> None:
    remote(stop_order(f"{tmp_path}/w-{{uid}}"))
    assert unpacked(tmp_path) == [f"w-{os.getuid()}"]


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A file system without room."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(tmp_path)]
    subprocess.run(mount, check=True)
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


@pytest.mark.system
@pytest.mark.parametrize("python", PYTHONS)
def test_full_disk(full: Path, python: str) -> None:
    """There is room for the agent in memory: it says what is wrong, or stops a task."""
    before = files_in_memory()
    answer = remote(stop_order(full / "w"), python)
    assert answer == {"state": "stopped", "status": 0}
    assert unpacked(full / "w") == []
    with pytest.raises(OSError, match="No space"), (full / "filler").open("wb") as filler:
        filler.write(b"x" * (1 << 20))
    result = call(build_remote_stdin(full_order(full / "w")), *build_remote_command("run", python))
    assert result.returncode == 2
    assert json.loads(result.stdout)["reason"] == "disk_full"
    assert "The disk of the computing resource is full." in result.stderr
    assert files_in_memory() == before


def test_long_orders_and_odd_characters(tmp_path: Path) -> None:
    odd = "ROSETTA_END\n'''\"\"\"\\ é $(id)\n"
    spec = stop_order(tmp_path / "w", environment={"A": odd, "B": "x" * 300_000})
    assert remote(spec)["state"] == "stopped"


STARTS = [["{}"], ["sh", "{}"], ["sh"], ["bash"]]


@pytest.mark.parametrize("start", STARTS, ids=["itself", "by_a_shell", "sh_reads", "bash_reads"])
def test_batch_script_however_it_is_started(tmp_path: Path, start: list[str]) -> None:
    """The spec is not acceptable: that it is read is what is tested."""
    folder = tmp_path / "w"
    text = build_batch_script(stop_order(folder, note="ROSETTA_END\n"), sys.executable)
    script = tmp_path / "script"
    script.write_text(text)
    script.chmod(0o700)
    argv = [word.format(script) for word in start]
    answer = call("" if "{}" in start[-1] else text, *argv)
    assert answer.returncode == 2
    assert "version: this agent understands 1" in answer.stdout


@pytest.mark.parametrize(
    ("python", "first"),
    [
        ("python3", "#!/usr/bin/env python3"),
        ("/usr/bin/env python3.11", "#!/usr/bin/env python3.11"),
        ("/opt/python/bin/python3", "#!/opt/python/bin/python3"),
    ],
)
def test_first_line(python: str, first: str) -> None:
    assert build_batch_script({"work_dir": "/x"}, python).splitlines()[0] == first


def test_prologue_is_executed_first(tmp_path: Path) -> None:
    """As a module that brings the engine."""
    prologue = ["export ADDED=by-the-prologue", f"echo $ADDED $0 >{tmp_path}/seen"]
    script = tmp_path / "script"
    spec = stop_order(tmp_path / "w", note="ROSETTA_END\n")
    script.write_text(build_batch_script(spec, sys.executable, prologue=prologue))
    script.chmod(0o700)
    answer = call("", str(script))
    assert "version: this agent understands 1" in answer.stdout
    assert (tmp_path / "seen").read_text().split()[0] == "by-the-prologue"


@pytest.mark.parametrize("python", ["", "bin/python3", "'/a b/python3'"])
def test_first_lines_that_do_not_work(python: str) -> None:
    with pytest.raises(ConfigError, match="python: "):
        build_batch_script({"work_dir": "/x"}, python)


def test_remote_command() -> None:
    assert build_remote_command("run") == ["python3", "-I", "-", "run"]
    assert build_remote_command("stop", "/usr/bin/env python3.9")[:2] == [
        "/usr/bin/env",
        "python3.9",
    ]


def test_old_python_gets_a_message(tmp_path: Path) -> None:
    program = build_remote_stdin(stop_order(tmp_path / "w")).replace("(3, 6)", "(9, 9)")
    answer = call(program, *build_remote_command("stop", sys.executable))
    assert "is needed, this is 3." in json.loads(answer.stdout)["error"]


def test_where_python_is_started_from_does_not_matter(tmp_path: Path) -> None:
    """A module in the present directory, or in PYTHONPATH, is not the agent's."""
    (tmp_path / "json.py").write_text("raise SystemExit('wrong json')")
    shutil.copy(tmp_path / "json.py", tmp_path / "rosetta_agent.py")
    program = build_remote_stdin(stop_order(tmp_path / "w"))
    answer = call(
        program,
        *build_remote_command("stop", sys.executable),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert json.loads(answer.stdout) == {"state": "stopped"}
