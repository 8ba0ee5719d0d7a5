"""The service's parts with a real database, SQLite and PostgreSQL alike."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import delete

from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Base
from rosetta_hub.keys import Keys
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.manager import TaskManager
from tests.support.catalogues import LOCAL
from tests.support.databases import open_sqlite

from .postgres import postgresql

ALICE = User("alice")
SOFTWARE = [
    {"name": "Echo", "image_name": "rosetta/echo", "image_tag": "1"},
    {"name": "Echo", "image_name": "rosetta/echo", "image_tag": "2"},
]
COMPUTING = [LOCAL]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL database."""
    with postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database, migrated."""
    if request.param == "sqlite":
        sqlite = open_sqlite(tmp_path)
    else:
        sqlite = Database(request.getfixturevalue("postgres_url"))
        with sqlite.session() as session:
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(delete(table))
    yield sqlite
    sqlite.close()


@dataclass
class Bench:
    """A task manager, and whom it woke."""

    tasks: TaskManager
    keys: Keys
    woken: list[str] = field(default_factory=list)


@pytest.fixture
def bench(database: Database, tmp_path: Path) -> Bench:
    """A task manager with two versions of one software on one resource."""
    keys, woken = Keys(tmp_path), list[str]()
    catalogue = load_catalogue(SOFTWARE, COMPUTING)
    logs = Logs(tmp_path / "logs", 4096)
    tasks = TaskManager(database, catalogue, keys, logs, Broadcaster(), woken.append)
    return Bench(tasks, keys, woken)
