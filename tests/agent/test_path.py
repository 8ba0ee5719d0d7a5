"""The directories in which an agent, and the engines that it starts, look for programs."""

import os

import pytest

from rosetta_agent.__main__ import _search_first

from .specs import full_job


@pytest.mark.parametrize(
    ("given", "path", "expected"),
    [
        ("/opt/bin", [], "/opt/bin"),
        ("/opt/bin", ["/x", "/y"], "/x:/y:/opt/bin"),
        # A job of Slurm: podman finds newuidmap in PATH alone.
        (None, [], os.defpath),
        (None, ["/x"], f"/x:{os.defpath}"),
    ],
)
def test_there_is_always_a_path(
    monkeypatch: pytest.MonkeyPatch, given: str | None, path: list[str], expected: str
) -> None:
    monkeypatch.setenv("PATH", "/before")  # puts the present one back after the test
    if given is None:
        monkeypatch.delenv("PATH")
    else:
        monkeypatch.setenv("PATH", given)
    _search_first(full_job(path=path).attempt)
    assert os.environ["PATH"] == expected
