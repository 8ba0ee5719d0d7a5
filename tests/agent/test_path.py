"""The directories in which an agent, and the engines that it starts, look for programs."""

import os

import pytest

from rosetta_agent.__main__ import _search_first

from .specs import full_job

# As the service searches on login nodes (rosetta_hub/resources/slurm/commands.py).
USUAL = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"


@pytest.mark.parametrize(
    ("value", "path", "expected"),
    [
        ("/opt/bin", [], "/opt/bin"),
        ("/opt/bin", ["/x", "/y"], "/x:/y:/opt/bin"),
        # A job of Slurm: podman finds newuidmap in PATH alone, and sites that build Apptainer
        # themselves have it in /usr/local/bin.
        (None, [], USUAL),
        (None, ["/x"], f"/x:{USUAL}"),
    ],
)
def test_there_is_always_a_path(
    monkeypatch: pytest.MonkeyPatch, value: str | None, path: list[str], expected: str
) -> None:
    monkeypatch.setenv("PATH", "/before")  # puts the present one back after the test
    if value is None:
        monkeypatch.delenv("PATH")
    else:
        monkeypatch.setenv("PATH", value)
    _search_first(full_job(path=path).attempt)
    assert os.environ["PATH"] == expected
