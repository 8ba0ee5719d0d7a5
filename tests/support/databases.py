"""An empty database of the service, without the time that the migrations take."""

import functools
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

from sqlalchemy import Dialect, Engine, event
from sqlalchemy.util import LRUCache

from rosetta_hub.database import database
from rosetta_hub.database.database import Database

# The statements that SQLAlchemy has compiled, and the dialect that they are compiled for: it keeps
# both by engine, and a process of tests has a thousand engines that ask the same.
_statements: LRUCache[Any, Any] = LRUCache(3000)
_dialects: list[Dialect] = []


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
        result = Database(url)
    _share_statements(result.engine)
    event.listen(result.engine, "connect", _write_lazily)
    return result


def _share_statements(engine: Engine) -> None:
    if not _dialects:
        # It learns from its first connection what SQLite can do.
        engine.connect().close()
        _dialects.append(engine.dialect)
    engine.dialect = _dialects[0]
    engine.update_execution_options(compiled_cache=_statements)


def _write_lazily(connection: Any, _record: Any) -> None:
    """Wait for no disk: these databases need not outlive the machine."""
    connection.execute("PRAGMA synchronous=OFF")
