"""The tables of who is who: logins that lead to a user, and the addresses that are a user's."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from rosetta_hub.database.external_text import ExternalText
from rosetta_hub.database.models import Base


class UserRow:
    """A row of an account: of a user of the hub, and of that user alone.

    `user_created` is when the hub created the user; None until it has. A user of the same name
    with another time is somebody else, to whom the row does not belong.
    """

    user: Mapped[str] = mapped_column(String(255), index=True)
    user_created: Mapped[datetime | None]


class LoginLink(UserRow, Base):
    """A subject of an issuer that signs in as a user.

    `active_key` is the digest of both as long as the link is in force, so that one subject leads
    to one user; unlinked rows stay, without it. `linked_by` is `sign-up`, `email`, `user` or the
    name of an administrator. `claims` is what the issuer said last, to be shown to the user.
    """

    __tablename__ = "login_links"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    method: Mapped[str] = mapped_column(String(40))
    issuer: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    active_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    email: Mapped[str | None] = mapped_column(ExternalText(254))
    claims: Mapped[dict[str, Any]] = mapped_column(default=dict)
    linked_at: Mapped[datetime]
    linked_by: Mapped[str] = mapped_column(String(255))
    last_ok: Mapped[datetime]
    unlinked_at: Mapped[datetime | None]

    def __repr__(self) -> str:
        return f"<LoginLink {self.method} of {self.user}>"


class UserEmail(UserRow, Base):
    """An address that a user has verified: by a mail of ours (`mail`), or at a method (its id).

    The address is normalised: NFKC, case folded.
    """

    __tablename__ = "user_emails"
    __table_args__ = (Index(None, "address"),)

    user: Mapped[str] = mapped_column(String(255), primary_key=True)
    address: Mapped[str] = mapped_column(String(254), primary_key=True)
    verified_at: Mapped[datetime]
    verified_by: Mapped[str] = mapped_column(String(40))
    primary: Mapped[bool] = mapped_column(default=False)
