"""What the tests of this folder share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .fake_api import FakeApi


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[FakeApi]:
    """An API server in this process."""
    found = FakeApi(tmp_path)
    yield found
    await found.close()
