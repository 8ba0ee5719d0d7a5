"""The table of copies between storages."""

import enum
from datetime import datetime

from sqlalchemy import JSON, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from rosetta_hub.database.external_text import ExternalText
from rosetta_hub.database.models import Base, text_enum


class CopyState(enum.StrEnum):
    """Where a copy is. One that waits for a storage which does not answer is queued again.

    Outputs of a task are planned until it has ended.
    """

    PLANNED = "planned"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more is copied."""
        return self in (CopyState.DONE, CopyState.FAILED, CopyState.CANCELLED)


class OnConflict(enum.StrEnum):
    """What happens to a file whose name is taken at the target."""

    FAIL = "fail"
    SKIP = "skip"
    OVERWRITE = "overwrite"
    RENAME = "rename"


class Stage(enum.StrEnum):
    """What a copy is for a task: an input is fetched before its start, an output after its end."""

    INPUT = "input"
    OUTPUT = "output"


class Copy(Base):
    """One copy of files and folders into a folder of a storage, as its user.

    Paths are relative to the root of their storage and percent-encoded. `target_names` has, for
    each of `source_paths`, its name in the folder `target_path`. `source_paths` is one URL where
    `source_storage` is empty. Groups and admin are what the user was when the copy was asked for:
    they decide about storages after a restart of the service, too.
    """

    __tablename__ = "copies"
    __table_args__ = (
        Index(None, "user", "created"),
        Index(None, "task_id", "attempt"),
    )

    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    user: Mapped[str] = mapped_column(String(255))
    groups: Mapped[list[str]]
    admin: Mapped[bool]
    task_id: Mapped[str | None] = mapped_column(String(12))
    attempt: Mapped[int | None]
    stage: Mapped[Stage | None] = mapped_column(text_enum(Stage))

    source_storage: Mapped[str] = mapped_column(String(80))
    source_paths: Mapped[list[str]]
    target_storage: Mapped[str] = mapped_column(String(80))
    target_path: Mapped[str] = mapped_column(Text)
    target_names: Mapped[list[str]]
    conflict: Mapped[OnConflict] = mapped_column(text_enum(OnConflict))

    state: Mapped[CopyState] = mapped_column(text_enum(CopyState), index=True)
    # Asked to end: its part files are removed before it is cancelled.
    cancelling: Mapped[bool] = mapped_column(default=False)
    # The file that is being copied in parts: its path at the target, and its upload's id.
    part_path: Mapped[str | None] = mapped_column(Text)
    part_upload: Mapped[str | None] = mapped_column(String(40))
    message: Mapped[str] = mapped_column(ExternalText(), default="")
    bytes_done: Mapped[int] = mapped_column(default=0)
    bytes_total: Mapped[int | None]
    files_done: Mapped[int] = mapped_column(default=0)
    files_total: Mapped[int | None]
    # Bytes per second.
    rate: Mapped[float | None]
    # The first of what could not be copied, each with the keys `path` and `message`.
    problems: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)
    problem_count: Mapped[int] = mapped_column(default=0)

    created: Mapped[datetime]
    started: Mapped[datetime | None]
    ended: Mapped[datetime | None] = mapped_column(index=True)

    def __repr__(self) -> str:
        return f"<Copy {self.id} of {self.user} {self.state}>"
