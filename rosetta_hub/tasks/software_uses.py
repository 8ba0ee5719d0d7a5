"""How often users have started what software, and which of it they like best."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from rosetta_hub.database.database import NO_OBJECTS, Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_software import SoftwareUse


def record_use(session: Session, user: str, software: str) -> None:
    """Count a start, in the transaction that begins the attempt."""
    now = utc_now()
    counted = session.execute(
        update(SoftwareUse)
        .where(SoftwareUse.user == user, SoftwareUse.software == software)
        .values(uses=SoftwareUse.uses + 1, last_used=now)
        .returning(SoftwareUse.uses),
        execution_options=NO_OBJECTS,
    ).first()
    if counted is None:
        session.add(SoftwareUse(user=user, software=software, uses=1, last_used=now))


class SoftwareUses:
    """What the catalogue says of the user who looks at it. It outlives the tasks that it counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set_favourite(self, user: str, software: str, favourite: bool) -> None:
        """Mark a software as one of the user's favourites, or not any more."""
        with self._database.session() as session:
            row = session.get(SoftwareUse, (user, software))
            if row is None:
                row = SoftwareUse(user=user, software=software)
                session.add(row)
            row.favourite = favourite

    def describe(self, families: list[dict[str, Any]], user: str) -> list[dict[str, Any]]:
        """The families with `uses`, `last_used` (ISO 8601, None: never) and `favourite`.

        Favourites come first; otherwise the order stays.
        """
        with self._database.session() as session:
            rows = session.scalars(select(SoftwareUse).where(SoftwareUse.user == user)).all()
        used = {row.software: row for row in rows}
        described = [family | _describe(used.get(family["id"])) for family in families]
        return sorted(described, key=lambda family: not family["favourite"])


def _describe(row: SoftwareUse | None) -> dict[str, Any]:
    if row is None:
        return {"uses": 0, "last_used": None, "favourite": False}
    return {"uses": row.uses, "last_used": _text(row.last_used), "favourite": row.favourite}


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
