"""All that the service keeps, to see whether a request has changed it, and to undo what it did."""

import contextlib
from collections.abc import Iterator
from sqlite3 import Cursor
from typing import Any

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Base

# Refusals may be written down, and so is who was here.
NOTES = frozenset({"audit", "users"})

Rows = dict[str, list[tuple[Any, ...]]]


class State:
    """The rows of all tables, as SQLite has them: they are read thousands of times."""

    def __init__(self, database: Database) -> None:
        # Kept open: what SQLite says of changes is of those that other connections have made.
        self._connection = database.engine.raw_connection()
        self._version: int | None = None
        self._rows: Rows = {}
        names = [table.name for table in Base.metadata.sorted_tables]
        self.tables = [name for name in names if name not in NOTES]

    def read(self) -> Rows:
        """All rows; those of the last time where nothing has been written since."""
        with self._transaction() as cursor:
            version = cursor.execute("PRAGMA data_version").fetchone()[0]
            if version != self._version:
                self._rows = {
                    table: cursor.execute(f'SELECT * FROM "{table}"').fetchall()
                    for table in self.tables
                }
                self._version = version
            return self._rows

    def restore(self, rows: Rows, changed: Rows) -> None:
        """Bring back what has changed."""
        tables = [table for table in self.tables if rows[table] != changed[table]]
        if not tables:
            return
        self._version = None
        with self._transaction() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("PRAGMA defer_foreign_keys = ON")
            for table in tables:
                cursor.execute(f'DELETE FROM "{table}"')
                for row in rows[table]:
                    marks = ", ".join("?" * len(row))
                    cursor.execute(f'INSERT INTO "{table}" VALUES ({marks})', row)

    def close(self) -> None:
        """Before the database is closed."""
        self._connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Cursor]:
        cursor = self._connection.cursor()
        try:
            yield cursor  # type: ignore[misc]
            self._connection.commit()
        finally:
            cursor.close()
