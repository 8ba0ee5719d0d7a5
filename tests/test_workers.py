"""Tests that run in several processes: what is reported of them, and how the processes end."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONFTEST = """
import os
from pathlib import Path
import pytest
from tests.workers import run_tests

def pytest_runtestloop(session):
    return run_tests(session, 2) or None

@pytest.fixture(scope="session", autouse=True)
def session_files():
    path = Path(__file__).with_name(f"session-{os.getpid()}")
    path.write_text("open")
    yield
    path.write_text("closed")
"""
SETTINGS = """
[pytest]
asyncio_default_fixture_loop_scope = function
"""
# More than one chunk each. One test waits until the other process has come to the second module.
MODULES = {
    "test_first.py": """
import time
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range(25))
def test_number(number, tmp_path_factory):
    assert tmp_path_factory.mktemp("numbers").is_dir()
    end = time.monotonic() + 30
    while number == 5 and not Path(__file__).with_name("second").exists():
        assert time.monotonic() < end
        time.sleep(0.01)
""",
    "test_second.py": """
from pathlib import Path
import pytest

def test_meanwhile():
    Path(__file__).with_name("second").touch()

@pytest.mark.parametrize("number", range(25))
def test_number(number):
    pass
""",
}

# The parent tells the tests that it has reported a failure.
REPORTED = """
PARENT = os.getpid()

def pytest_runtest_logreport(report):
    if report.failed and os.getpid() == PARENT:
        Path(__file__).with_name("reported").touch()
"""
WAIT = """
import time
from pathlib import Path
import pytest

def wait_for(pattern, count=1):
    end = time.monotonic() + 30
    while len(list(Path(__file__).parent.glob(pattern))) < count:
        assert time.monotonic() < end
        time.sleep(0.01)
"""
# It begins first, and fails while the other process runs a test.
FAILING = f"""{WAIT}
def test_a():
    print("of a")
    Path(__file__).with_name("printed").touch()
    wait_for(FILES)
    assert 0
"""
OTHER_FAILING = f"""{WAIT}
def test_list():
    wait_for("printed")
    print("of the list")
    assert [1, 2] == [1, 3]

def test_fixture(nowhere):
    pass
"""
MANY = f"""{WAIT}
@pytest.mark.parametrize("number", range(25))
def test_number(number):
    wait_for("reported")
    # Until the parent has closed the connection, at the latest after some tests.
    time.sleep(0.1)
    Path(__file__).with_name(f"ran-{{number}}").touch()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with tests that pass."""
    for name, text in {"conftest.py": CONFTEST, "pytest.ini": SETTINGS, **MODULES}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def run(project: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The tests of the project, in two processes."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:rerunfailures"]
    return subprocess.run(
        [*command, f"--basetemp={project}/temporary", *arguments],
        cwd=project,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def session_files(project: Path) -> list[str]:
    """What each process has left of its fixture of the whole session."""
    return [path.read_text() for path in project.glob("session-*")]


def test_each_test_runs_once_in_one_of_the_processes(project: Path) -> None:
    process = run(project, "-v")
    assert (process.returncode, process.stderr) == (0, "")
    assert "51 passed" in process.stdout
    lines = [line.split()[0] for line in process.stdout.splitlines() if "::" in line]
    assert len(lines) == len(set(lines)) == 51
    assert session_files(project) == ["closed", "closed"]


def test_a_failure_is_shown_with_all_that_is_known_of_it(project: Path) -> None:
    for name in MODULES:
        (project / name).unlink()
    with (project / "conftest.py").open("a") as conftest:
        conftest.write(REPORTED)
    (project / "test_a.py").write_text(FAILING.replace("FILES", "'reported'"))
    # A process has its next test before it ends one: a third lets both run one that fails.
    (project / "test_next.py").write_text("def test_next():\n    pass\n")
    (project / "test_other.py").write_text(OTHER_FAILING)
    process = run(project)
    assert process.returncode == 1
    assert "2 failed, 1 passed, 1 error" in process.stdout
    of_list, _, of_a = process.stdout.partition("_ test_a _")
    assert "At index 1 diff: 2 != 3" in of_list
    # Each has its own output, and that alone.
    assert ("of the list" in of_list, "of a" in of_list) == (True, False)
    assert ("of the list" in of_a, "of a" in of_a) == (False, True)
    assert "fixture 'nowhere' not found" in process.stdout


def test_a_process_that_dies_names_its_test(project: Path) -> None:
    (project / "test_third.py").write_text("import os\n\ndef test_end():\n    os._exit(3)\n")
    process = run(project)
    assert process.returncode == 1
    assert "1 failed, 51 passed" in process.stdout
    assert "FAILED test_third.py::test_end - The process that ran this test" in process.stdout
    assert "status 3" in process.stdout


def test_a_process_that_dies_before_its_first_test_is_an_error(project: Path) -> None:
    with (project / "conftest.py").open("a") as conftest:
        conftest.write(
            "\ndef pytest_plugin_registered(plugin):\n"
            "    if type(plugin).__name__ == 'Reports':\n        raise SystemExit(4)\n"
        )
    process = run(project)
    assert process.returncode == pytest.ExitCode.INTERNAL_ERROR
    assert "WorkerDied: A process that ran tests has ended with status 4." in process.stdout


def test_the_first_failure_ends_all_processes_in_good_order(project: Path) -> None:
    for name in MODULES:
        (project / name).unlink()
    with (project / "conftest.py").open("a") as conftest:
        conftest.write(REPORTED)
    (project / "test_a.py").write_text(FAILING.replace("FILES", "'session-*', 2"))
    (project / "test_b.py").write_text(MANY)
    process = run(project, "-x")
    assert process.returncode == 1
    assert "stopping after 1 failures" in process.stdout
    assert len(list(project.glob("ran-*"))) < 25
    assert session_files(project) == ["closed", "closed"]


def test_nothing_runs_where_tests_are_only_listed(project: Path) -> None:
    process = run(project, "--collect-only", "-q")
    assert process.returncode == 0
    assert "51 tests collected" in process.stdout
    assert session_files(project) == []
