"""The sandbox: private, locked, gone afterwards."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rosetta_agent.errors import SpecError, TaskFailure
from rosetta_agent.processes import ProcessId
from rosetta_agent.sandbox import (
    Sandbox,
    disk_full_is_a_failure,
    make_private,
    recorded_identity,
)
from rosetta_agent.spec import Attempt


def sandbox(folder: Path) -> Sandbox:
    return Sandbox(Attempt("3f9a1c22b7e4", 1, str(folder), "docker"))


def test_directories_are_private(work_dir: Path) -> None:
    result = sandbox(work_dir)
    result.create()
    assert work_dir.stat().st_mode & 0o777 == 0o700
    assert Path(result.path).stat().st_mode & 0o777 == 0o700
    result.write_state({"a": 1})
    assert Path(result.file("agent.json")).stat().st_mode & 0o777 == 0o600
    assert result.read_state() == {"a": 1}


def test_open_directory_of_ours_is_closed(work_dir: Path) -> None:
    work_dir.mkdir(mode=0o755)
    sandbox(work_dir).create()
    assert work_dir.stat().st_mode & 0o777 == 0o700


@pytest.mark.system
def test_directory_of_somebody_else_is_refused(work_dir: Path) -> None:
    work_dir.mkdir()
    os.chown(work_dir, 65534, 65534)
    with pytest.raises(SpecError, match="belongs to another user"):
        sandbox(work_dir).create()


def test_link_is_refused(work_dir: Path, tmp_path: Path) -> None:
    work_dir.symlink_to(tmp_path)
    with pytest.raises(SpecError, match="is not a directory"):
        make_private(str(work_dir))


def test_path_too_long_for_a_socket() -> None:
    with pytest.raises(SpecError, match="at most 107 bytes"):
        sandbox(Path("/tmp/" + "x" * 100)).create()


LOCKS = """
import sys
from rosetta_agent.spec import Attempt
from rosetta_agent.sandbox import Sandbox
print(Sandbox(Attempt("3f9a1c22b7e4", 1, sys.argv[1], "docker")).lock())
"""


def locks_elsewhere(work_dir: Path) -> str:
    argv = [sys.executable, "-I", "-c", LOCKS, str(work_dir)]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def test_lock_is_taken_once(work_dir: Path) -> None:
    holder = sandbox(work_dir)
    holder.create()
    assert holder.lock()
    assert locks_elsewhere(work_dir) == "False"
    holder.remove()
    assert locks_elsewhere(work_dir) == "True"


def test_clear_keeps_what_the_last_report_needs(work_dir: Path) -> None:
    used = sandbox(work_dir)
    used.create()
    closed = Path(used.file("home/closed"))
    closed.mkdir(parents=True)
    (closed / "file").write_text("x")
    closed.chmod(0)
    for name in ("agent.log", "output.log", "interface.sock", "monitor.json"):
        Path(used.file(name)).write_text("x")
    used.clear()
    assert sorted(os.listdir(used.path)) == ["agent.log", "output.log"]
    used.remove()
    assert not work_dir.exists()
    used.remove()


def test_work_directory_with_images_stays(work_dir: Path) -> None:
    used = sandbox(work_dir)
    used.create()
    (work_dir / "images").mkdir()
    used.remove()
    assert os.listdir(work_dir) == ["images"]


@pytest.mark.parametrize(
    ("number", "reason"), [(errno.ENOSPC, "disk_full"), (errno.EDQUOT, "quota_exceeded")]
)
def test_full_disk_is_a_failure(number: int, reason: str) -> None:
    with pytest.raises(TaskFailure) as error, disk_full_is_a_failure():
        raise OSError(number, "no room")
    assert error.value.reason == reason


def test_other_errors_pass() -> None:
    with pytest.raises(PermissionError), disk_full_is_a_failure():
        raise PermissionError


@pytest.mark.parametrize("value", [None, [], [1], ["1", 2], {"pid": 1}])
def test_recorded_identity_that_is_none(value: object) -> None:
    assert recorded_identity({"relay": value}, "relay") is None
    assert recorded_identity({"relay": [1, 2]}, "relay") == ProcessId(1, 2)
