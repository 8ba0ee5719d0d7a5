"""An empty database of the service, without the time that the migrations take."""

import functools
import tempfile
from pathlib import Path

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
    if not path.exists():
        path.write_bytes(_migrated_file())
    return Database(f"sqlite:///{path}")
