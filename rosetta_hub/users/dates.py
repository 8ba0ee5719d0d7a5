"""How times are written for each user: in which zone, and as which language does."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import delete
from sqlalchemy.orm import Session

from rosetta_hub.database.database import Database
from rosetta_hub.database.models_user import UserPreferences

# As in the time zone database: no path that leads elsewhere.
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
# BCP 47, without extensions: "de", "pt-BR", "zh-Hant-TW".
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


class DateChoices(BaseModel):
    """A user's time zone (`Europe/Berlin`) and language of dates (`de`); None: the browser's."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    time_zone: str | None = Field(default=None, max_length=64, examples=["Europe/Berlin"])
    language: str | None = Field(default=None, max_length=35, examples=["de"])

    @field_validator("time_zone")
    @classmethod
    def _check_time_zone(cls, value: str | None) -> str | None:
        if value is not None and find_zone(value) is None:
            raise ValueError("no time zone")
        return value

    @field_validator("language")
    @classmethod
    def _check_language(cls, value: str | None) -> str | None:
        if value is not None and not _LANGUAGE.fullmatch(value):
            raise ValueError("no language")
        return value


class DateSettings:
    """The choices of all users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, user: str) -> DateChoices:
        """A user's choices; none are made at first."""
        with self._database.session() as session:
            row = session.get(UserPreferences, user)
        if row is None:
            return DateChoices()
        return DateChoices.model_construct(time_zone=row.time_zone, language=row.language)

    def set(self, user: str, choices: DateChoices) -> None:
        """Keep a user's choices."""
        with self._database.session() as session:
            session.merge(UserPreferences(user=user, **choices.model_dump()))

    def delete_user(self, user: str) -> None:
        """Forget a user's choices."""
        with self._database.session() as session:
            session.execute(delete(UserPreferences).where(UserPreferences.user == user))


def find_zone(name: str) -> ZoneInfo | None:
    """The time zone of that name; None where this machine knows none."""
    if not _ZONE.fullmatch(name):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_of(session: Session, user: str) -> ZoneInfo | None:
    """The time zone that a user has chosen; None for none, or one that is not known here."""
    row = session.get(UserPreferences, user)
    return find_zone(row.time_zone) if row is not None and row.time_zone else None


def format_moment(moment: datetime, zone: ZoneInfo | None) -> str:
    """The day and the time of day, with its zone: `2026-11-27 18:00 (Europe/Berlin)`."""
    return f"{moment.astimezone(zone or UTC):%Y-%m-%d} {format_clock(moment, zone)}"


def format_clock(moment: datetime, zone: ZoneInfo | None) -> str:
    """The time of day, with its zone: `18:00 (Europe/Berlin)`, or `16:00 UTC` without one."""
    if zone is None:
        return f"{moment.astimezone(UTC):%H:%M} UTC"
    return f"{moment.astimezone(zone):%H:%M} ({zone.key})"
