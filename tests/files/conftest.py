"""A storage in a temporary directory, and sessions on it with every Python that is there."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rosetta_hub.files.session import FilesSession
from tests.agent.machine import PYTHONS

from .helpers import open_session


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The root of the storage, with something beside it that nobody may reach."""
    path = tmp_path / "root"
    path.mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("secret")
    return path


@pytest.fixture(params=PYTHONS, ids=[f"python{number}" for number in range(len(PYTHONS))])
async def session(root: Path, request: pytest.FixtureRequest) -> AsyncIterator[FilesSession]:
    """A session on the storage."""
    async with open_session(root, request.param) as opened:
        yield opened
