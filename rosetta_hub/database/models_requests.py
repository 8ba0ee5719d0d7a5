"""The table of requests that users may send again without having them carried out twice."""

from datetime import datetime

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from rosetta_hub.database.models import Base


class IdempotentRequest(Base):
    """A request with an `Idempotency-Key`, and what it was answered.

    `request` is a digest of method, address and body. `status` is null until the request has been
    answered, `answer` is encrypted.
    """

    __tablename__ = "idempotent_requests"

    user: Mapped[str] = mapped_column(String(255), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request: Mapped[str] = mapped_column(String(64))
    began: Mapped[datetime] = mapped_column(index=True)
    status: Mapped[int | None]
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)
