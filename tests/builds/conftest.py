"""A git server on the loopback network, and directories that other accounts can reach."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rosetta_hub.builds.source_settings import SourceSettings
from tests.support.git_server import GitServer


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[GitServer]:
    """A running git server; it takes the place of GitHub and GitLab in `settings`."""
    tmp_path.chmod(0o711)
    folder = tmp_path / "git"
    folder.mkdir(mode=0o711)
    with GitServer(folder).running() as server:
        yield server


@pytest.fixture
def settings(git_server: GitServer) -> SourceSettings:
    """Settings with which the loopback network may be used."""
    return SourceSettings.model_validate(git_server.settings())
