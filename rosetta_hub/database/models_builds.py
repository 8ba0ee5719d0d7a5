"""The tables of images that are built of repositories, and of who asked for them."""

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from rosetta_hub.database.external_text import ExternalText
from rosetta_hub.database.models import Base, text_enum


class BuildState(enum.StrEnum):
    """Where a build is. One whose builder does not answer is queued again."""

    QUEUED = "queued"
    CLONING = "cloning"
    BUILDING = "building"
    PUSHING = "pushing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more happens."""
        return self in (BuildState.DONE, BuildState.FAILED, BuildState.CANCELLED)


class Build(Base):
    """One image, made of one commit; there is one for each `key`.

    `source` has the fields of `rosetta_hub.builds.source.Source`, `recipe` those of
    `rosetta_hub.builds.view.RecipeView`. `user` asked first: it is the user's share
    of the builder. `transient`: the failure had a cause that may pass, and the next request begins
    a new build.
    """

    __tablename__ = "builds"

    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    user: Mapped[str] = mapped_column(String(255))

    provider: Mapped[str] = mapped_column(String(40))
    spec: Mapped[str] = mapped_column(Text)
    repository: Mapped[str] = mapped_column(ExternalText())
    source: Mapped[dict[str, Any]]
    port: Mapped[int | None]

    state: Mapped[BuildState] = mapped_column(text_enum(BuildState), index=True)
    # Asked to end: what it left is removed before it is cancelled.
    cancelling: Mapped[bool] = mapped_column(default=False)
    transient: Mapped[bool] = mapped_column(default=False)
    # How often it has begun; its log has that number.
    attempt: Mapped[int] = mapped_column(default=0)
    message: Mapped[str] = mapped_column(ExternalText(), default="")
    step: Mapped[int | None]
    steps: Mapped[int | None]
    failed_step: Mapped[str] = mapped_column(ExternalText(), default="")
    log_tail: Mapped[list[str]] = mapped_column(default=list)

    recipe: Mapped[dict[str, Any]] = mapped_column(default=dict)
    # The reference with which it is started, the digest of its manifest or its image id, bytes.
    image: Mapped[str] = mapped_column(Text, default="")
    image_digest: Mapped[str] = mapped_column(String(100), default="")
    image_arch: Mapped[str] = mapped_column(String(40), default="")
    image_size: Mapped[int | None]

    created: Mapped[datetime]
    started: Mapped[datetime | None]
    ended: Mapped[datetime | None] = mapped_column(index=True)
    # When the image was asked for last.
    used: Mapped[datetime] = mapped_column(index=True)

    def __repr__(self) -> str:
        return f"<Build {self.id} of {self.repository} {self.state}>"


class BuildUser(Base):
    """A user who asked for a build, and sees it; `waits` until it has ended or is given up."""

    __tablename__ = "build_users"
    __table_args__ = (Index(None, "user", "asked"),)

    build_id: Mapped[str] = mapped_column(
        ForeignKey("builds.id", ondelete="CASCADE"), primary_key=True
    )
    user: Mapped[str] = mapped_column(String(255), primary_key=True)
    asked: Mapped[datetime]
    waits: Mapped[bool] = mapped_column(default=True)
