"""The table of the audit log."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from rosetta_hub.database.external_text import ExternalText
from rosetta_hub.database.models import NUMBER, Base


class AuditRecord(Base):
    """One thing that somebody did: who (`actor`), to whom or what, and from where (`address`).

    Names are text and not references: records outlive users, tasks and software, until
    `c.Rosetta.audit_days` are over.
    """

    __tablename__ = "audit"
    __table_args__ = (
        Index(None, "event", "id"),
        Index(None, "actor", "id"),
        Index(None, "user", "id"),
        Index(None, "task", "id"),
    )

    id: Mapped[int] = mapped_column(NUMBER, primary_key=True)
    time: Mapped[datetime] = mapped_column(index=True)
    event: Mapped[str] = mapped_column(String(40))
    actor: Mapped[str] = mapped_column(ExternalText(255))
    user: Mapped[str | None] = mapped_column(ExternalText(255))
    task: Mapped[str | None] = mapped_column(String(12))
    target: Mapped[str | None] = mapped_column(ExternalText(255))
    address: Mapped[str | None] = mapped_column(ExternalText(45))
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)

    def __repr__(self) -> str:
        return f"<AuditRecord {self.id} {self.event} by {self.actor}>"
