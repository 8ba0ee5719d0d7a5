"""The tables of what administrators set: drained resources, announcements; and daily numbers."""

import enum
from datetime import date, datetime

from sqlalchemy import Date, String
from sqlalchemy.orm import Mapped, mapped_column

from rosetta_hub.database.external_text import ExternalText
from rosetta_hub.database.models import NUMBER, Base, text_enum

MESSAGE_LENGTH = 500
TEXT_LENGTH = 2000


class ComputingState(Base):
    """A computing resource that takes no new tasks; without a row it does."""

    __tablename__ = "computing_states"

    computing: Mapped[str] = mapped_column(String(80), primary_key=True)
    message: Mapped[str] = mapped_column(ExternalText(MESSAGE_LENGTH))
    since: Mapped[datetime]
    drained_by: Mapped[str] = mapped_column(String(255))


class Level(enum.StrEnum):
    """How an announcement looks, and how a screen reader tells it."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Announcement(Base):
    """A text for everybody, also for who is not logged in, from `starts` until `ends`."""

    __tablename__ = "announcements"

    id: Mapped[int] = mapped_column(NUMBER, primary_key=True)
    text: Mapped[str] = mapped_column(ExternalText(TEXT_LENGTH))
    level: Mapped[Level] = mapped_column(text_enum(Level))
    starts: Mapped[datetime]
    ends: Mapped[datetime | None]
    dismissable: Mapped[bool]
    updated: Mapped[datetime]
    updated_by: Mapped[str] = mapped_column(String(255))


class DailyNumbers(Base):
    """What happened on a computing resource on one day (UTC); it outlives the tasks.

    `most_running` is the largest number of tasks that ran there at a time.
    """

    __tablename__ = "daily_numbers"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    computing: Mapped[str] = mapped_column(String(80), primary_key=True)
    starts: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    most_running: Mapped[int] = mapped_column(default=0)
