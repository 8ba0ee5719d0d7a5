"""Announcements: texts that everybody sees on every page, from one moment until another."""

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from sqlalchemy import select

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_administration import TEXT_LENGTH, Announcement, Level
from rosetta_hub.errors import Conflict, NotFound

MOST_ANNOUNCEMENTS = 50


class AnnouncementText(BaseModel):
    """What is announced, and when: plain text, by default from now until it is deleted."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    text: str = Field(min_length=1, max_length=TEXT_LENGTH)
    level: Level = Level.INFO
    starts: AwareDatetime = Field(default_factory=utc_now)
    ends: AwareDatetime | None = None
    dismissable: bool = True

    @field_validator("ends")
    @classmethod
    def _is_after_the_start(cls, ends: datetime | None, info: ValidationInfo) -> datetime | None:
        starts = info.data.get("starts")
        if ends is not None and starts is not None and ends <= starts:
            raise ValueError("it ends before it begins")
        return ends


class Announcements:
    """Reads and changes the table.

    Kept in memory: everybody's pages ask every half minute, and the service alone changes it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = self._read()

    def all(self) -> list[Announcement]:
        """All of them, those that begin last first."""
        return self._rows

    def shown(self, now: datetime) -> list[Announcement]:
        """Those that everybody sees at that moment."""
        return [
            row for row in self._rows if row.starts <= now and (row.ends is None or now < row.ends)
        ]

    def add(self, text: AnnouncementText, actor: str) -> Announcement:
        """Announce something.

        Raises:
            Conflict: there are too many.
        """
        if len(self._rows) >= MOST_ANNOUNCEMENTS:
            raise Conflict(
                f"There are {MOST_ANNOUNCEMENTS} announcements, which is the most. Delete old ones."
            )
        row = Announcement()
        with self._database.session() as session:
            _fill(row, text, actor)
            session.add(row)
        self._rows = self._read()
        return row

    def find(self, number: int) -> Announcement:
        """The announcement of that number.

        Raises:
            NotFound: there is none.
        """
        with self._database.session() as session:
            return _found(session.get(Announcement, number))

    def change(self, number: int, text: AnnouncementText, actor: str) -> Announcement:
        """Announce something else; who has dismissed it sees it again.

        Raises:
            NotFound: there is none of that number.
        """
        with self._database.session() as session:
            row = _found(session.get(Announcement, number))
            _fill(row, text, actor)
        self._rows = self._read()
        return row

    def delete(self, number: int) -> None:
        """Show it no more.

        Raises:
            NotFound: there is none of that number.
        """
        with self._database.session() as session:
            session.delete(_found(session.get(Announcement, number)))
        self._rows = self._read()

    def _read(self) -> list[Announcement]:
        query = select(Announcement).order_by(Announcement.starts.desc(), Announcement.id.desc())
        with self._database.session() as session:
            return list(session.scalars(query))


def _fill(row: Announcement, text: AnnouncementText, actor: str) -> None:
    row.text, row.level = text.text, text.level
    row.starts, row.ends, row.dismissable = text.starts, text.ends, text.dismissable
    row.updated, row.updated_by = utc_now(), actor


def _found(row: Announcement | None) -> Announcement:
    if row is None:
        raise NotFound("There is no such announcement. It may have been deleted.")
    return row
