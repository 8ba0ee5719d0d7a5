"""Two rings of tests: `unit` needs Python alone, `system` needs what a machine has to provide.

A test is of the outer ring because of its folder, because of a fixture that it uses, or because it
says so itself (`@pytest.mark.system`). Only there, where browsers, schedulers and engines are real,
an error of the environment is tried once more.
"""

import functools
import os
import time
from pathlib import Path

import pytest

# Everything in them needs an engine, a browser, a scheduler, sshd, Node, or root; or it starts
# programs that work on real directories, which takes too long for the inner ring.
SYSTEM_FOLDERS = frozenset(
    {
        *("check", "cluster", "copies", "e2e", "edge", "existing", "files/remote", "files_api"),
        *("hpc", "images", "kubernetes", "monitoring", "pages", "previews", "ssh", "tunnels"),
    }
)
# So does whoever asks for one of these.
SYSTEM_FIXTURES = frozenset(
    {
        "apptainer_host",
        "base_containers",
        "dav",
        "hub",
        "image",
        "machine",
        "postgres_url",
        "rosetta",
        "sshd",
    }
)
# Tests of whole programs in the other folders.
SYSTEM_MODULES = frozenset(
    {
        *("test_bundle.py", "test_channel.py", "test_checkout.py", "test_confinement.py"),
        *("test_demo.py", "test_deposits.py", "test_description.py", "test_gridengine.py"),
        *("test_ingress.py", "test_keeping.py", "test_life.py", "test_names.py"),
        *("test_operations.py", "test_source.py", "test_stop.py", "test_upload_parts.py"),
    }
)

# Rules that sources keep. They are of neither ring: `scripts/check` runs them.
RULES = frozenset({"test_house.py"})

# A loaded machine, as an exception: a deadline, a connection, a browser that went away. A wrong
# answer is an AssertionError, and is never tried again.
ENVIRONMENT_ERRORS = [
    r"^(playwright\S*\.)?TimeoutError",
    r"^subprocess\.TimeoutExpired",
    # The time that a test has (pytest-timeout): a browser that hangs does not answer at all.
    r"^Failed: Timeout \(",
    r"^ConnectionRefusedError",
    r"^ConnectionResetError",
    r"TargetClosedError",
]

# Where reruns are recorded, a line each; `scripts/test` prints it and refuses more than a few.
RERUNS_FILE = "ROSETTA_TEST_RERUNS"

# Seconds since 1970 after which no test of the outer ring begins, where whoever runs them has to
# end in time; and where those left out are recorded, a line each, for `scripts/test` to list.
DEADLINE = "ROSETTA_TEST_DEADLINE"
LEFT_OUT_FILE = "ROSETTA_TEST_LEFT_OUT"

ROOT = Path(__file__).parent


def is_system(item: pytest.Item) -> bool:
    """Whether a test belongs to the outer ring."""
    fixtures = set(getattr(item, "fixturenames", ()))
    callspec = getattr(item, "callspec", None)
    parameters = callspec.params if callspec is not None else {}
    return (
        _is_of_system(item.path)
        or item.get_closest_marker("system") is not None
        or bool(fixtures & SYSTEM_FIXTURES)
        or parameters.get("database") == "postgresql"
    )


def is_left_out(path: Path, expression: str) -> bool:
    """Whether a run of the inner ring need not even import a folder or module.

    `expression` is what `-m` chooses the tests by.
    """
    if expression != "unit" or not path.is_relative_to(ROOT):
        return False
    return _is_of_system(path) or path.name in RULES


# Thousands of tests are in a few hundred files.
@functools.cache
def _is_of_system(path: Path) -> bool:
    relative = path.relative_to(ROOT)
    folders = {folder.as_posix() for folder in (relative, *relative.parents)}
    return bool(folders & SYSTEM_FOLDERS) or path.name in SYSTEM_MODULES


def mark(items: list[pytest.Item]) -> None:
    """Give each test its ring's marker, and those of the outer one their second try."""
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()) and not _has_timeout(item):
            # The first of them starts a cluster, which may take longer than a test.
            item.add_marker(pytest.mark.timeout(func_only=True))
        if item.path.name in RULES:
            continue
        if is_system(item):
            item.add_marker(pytest.mark.system)
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=ENVIRONMENT_ERRORS))
        else:
            item.add_marker(pytest.mark.unit)


def is_too_late(item: pytest.Item) -> bool:
    """Whether no time is left for a test; it is recorded as left out."""
    deadline = os.environ.get(DEADLINE)
    if not deadline or time.time() < float(deadline) or not item.get_closest_marker("system"):
        return False
    if path := os.environ.get(LEFT_OUT_FILE):
        with Path(path).open("a") as file:
            file.write(f"{item.nodeid.partition('::')[0]}\n")
    return True


def _has_timeout(item: pytest.Item) -> bool:
    return item.get_closest_marker("timeout") is not None


def record_rerun(report: pytest.TestReport) -> None:
    """Write down that a test is tried again, and the error that is the reason."""
    path = os.environ.get(RERUNS_FILE)
    if path and str(report.outcome) == "rerun":
        crash = getattr(report.longrepr, "reprcrash", None)
        reason = str(crash.message if crash else report.longrepr).splitlines()[0][:200]
        with Path(path).open("a") as file:
            file.write(f"{report.nodeid}: {reason}\n")
