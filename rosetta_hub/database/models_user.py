"""The tables of what belongs to users: who they are, what they set, where they are logged in."""

import enum
from datetime import datetime

from sqlalchemy import LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from rosetta_hub.database.external_text import ExternalText
from rosetta_hub.database.models import Base, text_enum


class UserState(enum.StrEnum):
    """Whether a user may sign in; asked by Rosetta Hub's own authenticator."""

    ACTIVE = "active"
    BLOCKED = "blocked"


class HubUser(Base):
    """A user of the hub, and when the hub created it: another time is another user.

    The time is unknown for users of an older version who have not come back since.
    """

    __tablename__ = "users"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    created: Mapped[datetime | None]
    state: Mapped[UserState] = mapped_column(text_enum(UserState), default=UserState.ACTIVE)


class IdentityState(enum.StrEnum):
    """What is known of a user's identity on a computing resource."""

    MISSING = "missing"
    UNTESTED = "untested"
    WORKS = "works"
    REFUSED = "refused"


class Identity(Base):
    """A user's own account on a computing resource, and the key pair made for it.

    The private key is encrypted (`Keys.database`); it is nowhere else.
    """

    __tablename__ = "identities"

    user: Mapped[str] = mapped_column(String(255), primary_key=True)
    computing: Mapped[str] = mapped_column(String(80), primary_key=True)
    remote_user: Mapped[str] = mapped_column(String(33))
    public_key: Mapped[str] = mapped_column(Text)
    private_key: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[IdentityState] = mapped_column(text_enum(IdentityState))
    message: Mapped[str] = mapped_column(ExternalText(), default="")
    updated: Mapped[datetime]

    def __repr__(self) -> str:
        return f"<Identity {self.user} on {self.computing} {self.state}>"


class UserPreferences(Base):
    """How times are written for a user; what is not set is the browser's choice."""

    __tablename__ = "user_preferences"

    user: Mapped[str] = mapped_column(String(255), primary_key=True)
    time_zone: Mapped[str | None] = mapped_column(String(64))
    language: Mapped[str | None] = mapped_column(String(35))


class BrowserLogin(Base):
    """A browser in which a user is logged in, by the digest of its session at the hub."""

    __tablename__ = "browser_logins"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user: Mapped[str] = mapped_column(String(255), primary_key=True, index=True)
    browser: Mapped[str] = mapped_column(ExternalText(80))
    address: Mapped[str] = mapped_column(ExternalText(45))
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]


class IdempotentRequest(Base):
    """A request with an `Idempotency-Key`, and what it was answered: it is not carried out twice.

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
