"""What the tests of all folders may use."""

import subprocess

import pytest

import rosetta_hub
from tests import rings

DESKTOPS = ("minimaldesktop", "basicdesktop", "guiapplication")
BASE_CONTAINERS = ("jupyternotebook", *DESKTOPS, "sshserver")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test is of one ring; `-m unit` chooses the inner one."""
    rings.mark(items)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A second try is never silent."""
    rings.record_rerun(report)


@pytest.fixture(scope="session")
def base_containers() -> dict[str, str]:
    """References of the base containers by name; docker and podman have them.

    scripts/test builds them: it takes longer than a test may.
    """
    references = {name: f"rosetta/{name}:{rosetta_hub.__version__}" for name in BASE_CONTAINERS}
    for engine in ("docker", "podman"):
        command = [engine, "image", "inspect", "--format={{.Id}}", *references.values()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"Run scripts/test, which builds them. {done.stderr}"
    return references
