"""What the tests of all folders may use."""

import gc
import logging
import os
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

import rosetta_hub
from tests import rings

DESKTOPS = ("minimaldesktop", "basicdesktop", "guiapplication")
BASE_CONTAINERS = ("jupyternotebook", *DESKTOPS, "sshserver")


# What collecting makes stays until the end: there is nothing to look for.
gc.disable()


def pytest_configure(config: pytest.Config) -> None:
    """The inner ring meets no server but its own: it needs none of the machine's authorities.

    There are more than a hundred, which take 40 ms to read for each TLS context.
    """
    if config.option.markexpr == "unit":
        os.environ["SSL_CERT_FILE"] = str(Path(__file__).parent / "support" / "authority.pem")


def pytest_collection_finish() -> None:
    """Look from now on for garbage of the tests alone."""
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    """Leave Python to end as it always does."""
    gc.unfreeze()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The inner ring imports nothing of the outer one's folders and modules."""
    return rings.is_left_out(collection_path, config.option.markexpr) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test is of one ring; `-m unit` chooses the inner one."""
    rings.mark(items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Begin no test for which there is no time left."""
    return rings.is_too_late(item) or None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    """Commands set up the log of their process, which is not theirs in a test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        return (yield)
    finally:
        root.handlers[:] = handlers
        # It makes each logger forget what it has found out.
        if root.level != level:
            root.setLevel(level)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A second try is never silent."""
    rings.record_rerun(report)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """An empty directory. Unlike pytest's own it has a short path, as the unix sockets in it need.

    The names of user, worker and test are no part of it.
    """
    with tempfile.TemporaryDirectory(prefix="test-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def base_containers() -> dict[str, str]:
    """References of the base containers by name; docker and podman have them.

    scripts/test builds them: it takes longer than a test may.
    """
    references = {name: f"rosetta/{name}:{rosetta_hub.__version__}" for name in BASE_CONTAINERS}
    for engine in ("docker", "podman"):
        command = [engine, "image", "inspect", "--format={{.Id}}", *references.values()]
        process = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert process.returncode == 0, f"Run scripts/test, which builds them. {process.stderr}"
    return references
