"""An empty database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rosetta_hub.database.database import Database
from tests.support.databases import open_sqlite

from .bench import Bench, make_bench


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database, migrated."""
    database = open_sqlite(tmp_path)
    yield database
    database.close()


@pytest.fixture
def bench(database: Database, tmp_path: Path) -> Bench:
    """Local accounts that whoever confirms an address may make."""
    return make_bench(database, tmp_path)
