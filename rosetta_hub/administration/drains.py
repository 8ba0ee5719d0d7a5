"""Drained computing resources: they take no new tasks, and those that run go on."""

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import select

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_administration import ComputingState


class Drains:
    """Which resources are drained, and what their users are told.

    Read once and kept in memory: the service alone changes the table, and each start asks.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.session() as session:
            self._states = {row.computing: row for row in session.scalars(select(ComputingState))}
        self._reasons = {key: _reason(row) for key, row in self._states.items()}

    @property
    def reasons(self) -> Mapping[str, str]:
        """Why each drained resource takes no tasks, by its id; the mapping follows changes."""
        return MappingProxyType(self._reasons)

    def find(self, computing: str) -> ComputingState | None:
        """How a resource is drained; None where it is not."""
        return self._states.get(computing)

    def drain(self, computing: str, message: str, actor: str) -> ComputingState:
        """Let no more tasks start there; again for another message."""
        previous = self._states.get(computing)
        row = ComputingState(
            computing=computing,
            message=message,
            since=previous.since if previous else utc_now(),
            drained_by=actor,
        )
        with self._database.session() as session:
            session.merge(row)
        self._states[computing], self._reasons[computing] = row, _reason(row)
        return row

    def resume(self, computing: str) -> bool:
        """Let tasks start there again; returns whether it was drained."""
        with self._database.session() as session:
            row = session.get(ComputingState, computing)
            if row is not None:
                session.delete(row)
        self._reasons.pop(computing, None)
        return self._states.pop(computing, None) is not None


def _reason(row: ComputingState) -> str:
    return f"It takes no new tasks now. {row.message}".rstrip()
