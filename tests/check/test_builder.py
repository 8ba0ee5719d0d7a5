"""`rosetta-hub check` of the builder of images."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.check.command import run_check_command
from rosetta_hub.config import Rosetta
from rosetta_hub.errors import ConfigError
from tests.builds.building import BASE, RUNTIME, builds_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where builds have their volumes."""
    with builds_folder() as folder:
        yield folder


def check(folder: Path, resource: str = "builder:here", **options: Any) -> int:
    """Check the builder alone."""
    builds: dict[str, Any] = {"base_image": BASE, "runtime": RUNTIME, "directory": str(folder)}
    builds |= {"buildpacks": ["dockerfile", "pip"], **options}
    settings = Rosetta(tasks_url="http://127.0.0.1", state_dir=str(folder / "state"), builds=builds)
    arguments = argparse.Namespace(
        resource=resource, user="alice", json=False, accept_host_key=False, wait=10
    )
    return run_check_command(settings, arguments)


def test_a_builder_that_enforces_everything(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(folder) == 0
    output = capsys.readouterr().out
    assert "builder:here" in output
    assert "network, processes, memory, disk and time of a build are bounded" in output
    assert "built, stored, found and removed" in output


def test_limits_that_are_not_enforced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(folder, engine="docker") == 1
    output = capsys.readouterr().out
    assert "builds are refused, because not all limits are enforced (disk:" in output
    assert "'allow_weaker'" in output
    assert "needs 'limits'" in output


def test_a_base_image_that_is_nowhere(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(folder, base_image="localhost/no-such-image:1") == 1
    assert "no-such-image:1 can't be had" in capsys.readouterr().out


def test_another_builder(folder: Path) -> None:
    with pytest.raises(ConfigError, match="builder:here"):
        check(folder, "builder:vega")
