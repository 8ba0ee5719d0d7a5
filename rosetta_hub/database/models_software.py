"""The tables of software: what users have added to the catalogue, and how often they use what."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from rosetta_hub.database.external_text import ExternalText
from rosetta_hub.database.models import Base, text_enum


class OwnerKind(enum.StrEnum):
    """Whose software is: a user's own, or shared with a group."""

    USER = "user"
    GROUP = "group"


class UserSoftware(Base):
    """One version of a software family: what an entry of `c.Rosetta.software` is for the platform.

    `family` is the family's id. `entry` holds keys of `Software`. `digest` is the one that the
    tag had when it was looked up last. An entry with a `build` has an image of our own making:
    the build's id. `revision` grows with every change.
    """

    __tablename__ = "user_software"
    __table_args__ = (Index(None, "owner_kind", "owner"),)

    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    family: Mapped[str] = mapped_column(String(80), index=True)
    owner_kind: Mapped[OwnerKind] = mapped_column(text_enum(OwnerKind))
    owner: Mapped[str] = mapped_column(String(255))
    entry: Mapped[dict[str, Any]]
    digest: Mapped[str | None] = mapped_column(String(71))
    build: Mapped[str | None] = mapped_column(String(12))
    # Why an administrator lets nobody start it.
    blocked: Mapped[str | None] = mapped_column(ExternalText(300))
    revision: Mapped[int] = mapped_column(default=1)
    created: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(255))
    updated: Mapped[datetime]
    updated_by: Mapped[str] = mapped_column(String(255))

    def __repr__(self) -> str:
        return f"<UserSoftware {self.id} {self.family} of {self.owner_kind} {self.owner}>"


class ImageVerdict(Base):
    """What the image policy has said of an image; `image` is a reference by digest."""

    __tablename__ = "image_verdicts"

    image: Mapped[str] = mapped_column(String(600), primary_key=True)
    allowed: Mapped[bool]
    message: Mapped[str] = mapped_column(ExternalText(300))
    checked: Mapped[datetime]


class SoftwareLogo(Base):
    """The picture of a software family; `digest` is the SHA-256 of its content."""

    __tablename__ = "software_logos"

    family: Mapped[str] = mapped_column(String(80), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(40))
    content: Mapped[bytes] = mapped_column(LargeBinary)
    digest: Mapped[str] = mapped_column(String(64))


class SoftwareUse(Base):
    """How often a user has started a software, by its family's id, and if it is a favourite.

    It outlives the tasks, and ends with the user.
    """

    __tablename__ = "software_uses"

    user: Mapped[str] = mapped_column(String(255), primary_key=True)
    software: Mapped[str] = mapped_column(String(80), primary_key=True)
    uses: Mapped[int] = mapped_column(default=0)
    last_used: Mapped[datetime | None]
    favourite: Mapped[bool] = mapped_column(default=False)
