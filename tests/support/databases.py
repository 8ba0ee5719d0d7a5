"""An empty database of the service, without the time that the migrations take."""

import functools
import tempfile
from pathlib import Path
from unittest import mock

from rosetta_hub.database import database
from rosetta_hub.database.database import Database


@functools.cache
def _migrated_file() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "rosetta.sqlite"
        Database(f"sqlite:///{path}").close()
        return path.read_bytes()


def open_sqlite(directory: Path) -> Database:
    """The database of a state directory, by default path; an empty one where there is none.

    The empty one is a copy: the migrations run once in a process.
    """
    path = directory / "rosetta.sqlite"
    url = f"sqlite:///{path}"
    if path.exists():
        return Database(url)
    path.write_bytes(_migrated_file())
    # Alembic would read all migrations to find that there is nothing to do.
    with mock.patch.object(database, "migrate"):
        return Database(url)
