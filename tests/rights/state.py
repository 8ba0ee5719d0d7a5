"""All that the service keeps, to see whether a request has changed it, and to undo what it did."""

from typing import Any

from sqlalchemy import Connection, Table, insert, text

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Base

# Refusals may be written down, and so is who was here.
NOTES = frozenset({"audit", "users"})

Rows = dict[str, list[tuple[Any, ...]]]


class State:
    """The rows of all tables."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.tables = [table for table in Base.metadata.sorted_tables if table.name not in NOTES]

    def read(self) -> Rows:
        """All rows."""
        with self._database.session() as session:
            return {
                table.name: [tuple(row) for row in session.execute(table.select())]
                for table in self.tables
            }

    def restore(self, rows: Rows, changed: Rows) -> None:
        """Bring back what has changed."""
        tables = [table for table in self.tables if rows[table.name] != changed[table.name]]
        if not tables:
            return
        with self._database.session() as session:
            connection = session.connection()
            connection.execute(text("PRAGMA defer_foreign_keys = ON"))
            for table in reversed(tables):
                connection.execute(table.delete())
            for table in tables:
                _fill(connection, table, rows[table.name])


def _fill(connection: Connection, table: Table, rows: list[tuple[Any, ...]]) -> None:
    names = [column.name for column in table.columns]
    if rows:
        documents = [dict(zip(names, row, strict=True)) for row in rows]
        connection.execute(insert(table), documents)
