"""Copies in a real database."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.copies.records import CopyRecords, new_copy
from rosetta_hub.database.database import Database
from rosetta_hub.database.models_copies import Copy
from rosetta_hub.jobs.events import JobEvents

ALICE, BOB = User("alice"), User("bob")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    database = Database(f"sqlite:///{tmp_path}/rosetta.sqlite")
    yield database
    database.close()


@dataclass
class Woken:
    """Counts how often somebody was woken, and passes it on."""

    count: int = 0
    listeners: list[Callable[[], None]] = field(default_factory=list)

    def wake(self) -> None:
        """Be woken."""
        self.count += 1
        for listener in self.listeners:
            listener()


@pytest.fixture
def woken() -> Woken:
    """Who is woken by the records."""
    return Woken()


@pytest.fixture
def records(database: Database, woken: Woken) -> CopyRecords:
    """The copies of the database."""
    return CopyRecords(database, JobEvents(), woken.wake)


def some_copy(user: User = ALICE) -> Copy:
    """A copy of one file from `one` to `two`."""
    return new_copy(user, ("one", ["a"]), ("two", "", ["a"]))
