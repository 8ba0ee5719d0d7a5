"""The tables of sharing: what the hub's shares don't say, and links by which users share."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from rosetta_hub.database.models import Base


class TaskShare(Base):
    """What a share of the hub does not say: until when, and by which link.

    The share itself, which decides, is the hub's. A row that outlives its task tells which share of
    the hub has to end.
    """

    __tablename__ = "task_shares"
    __table_args__ = (UniqueConstraint("task_id", "kind", "name"),)

    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    task_id: Mapped[str | None] = mapped_column(ForeignKey("tasks.id", ondelete="SET NULL"))
    kind: Mapped[str] = mapped_column(String(5))
    name: Mapped[str] = mapped_column(String(255), index=True)
    owner: Mapped[str] = mapped_column(String(255), index=True)
    server_name: Mapped[str] = mapped_column(String(255))
    until: Mapped[datetime | None] = mapped_column(index=True)
    link_id: Mapped[str | None] = mapped_column(
        ForeignKey("share_links.id", ondelete="SET NULL"), index=True
    )
    created: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(255))
    # False as long as it is not known whether the hub shares.
    granted: Mapped[bool] = mapped_column(default=False)

    def __repr__(self) -> str:
        return f"<TaskShare of {self.task_id} with the {self.kind} {self.name}>"


class ShareLink(Base):
    """A link that shares a task with whoever opens it; only the digest of its code is kept.

    `expires` is when it admits nobody any more, `until` when the shares end that it has made.
    Without `users` it admits everybody who can log in, but for those in `refused`: their shares
    have been ended, and they know the link.
    """

    __tablename__ = "share_links"

    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    task_id: Mapped[str] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), index=True)
    expires: Mapped[datetime] = mapped_column(index=True)
    until: Mapped[datetime | None]
    uses: Mapped[int]
    uses_left: Mapped[int]
    users: Mapped[list[str]] = mapped_column(default=list)
    refused: Mapped[list[str]] = mapped_column(default=list)
    created: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(255))
    ended: Mapped[datetime | None]

    def __repr__(self) -> str:
        return f"<ShareLink {self.id} of {self.task_id}>"
