"""The tables of what belongs to users: who they are, identities on resources, mails."""

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from rosetta_hub.database.external_text import ExternalText
from rosetta_hub.database.models import Base, text_enum


class UserState(enum.StrEnum):
    """Whether a user may sign in; asked by Rosetta Hub's own authenticator."""

    ACTIVE = "active"
    BLOCKED = "blocked"


class HubUser(Base):
    """A user of the hub, and when the hub created it: another time is another person.

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


class MailKind(enum.StrEnum):
    """What a mail tells."""

    STARTED = "started"
    FAILED = "failed"
    LIMIT = "limit"
    END = "end"

    @property
    def choice(self) -> str:
        """The choice of `MailSettings` that it falls under."""
        return "limit" if self is MailKind.END else self.value


class MailState(enum.StrEnum):
    """Where a mail is: `sending` is written before its text goes out, the other ends after."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    DROPPED = "dropped"

    @property
    def final(self) -> bool:
        """Whether nothing more will be done with the mail."""
        return self not in (MailState.WAITING, MailState.SENDING)


class MailSettings(Base):
    """What a user wants to be told by mail, and where; without a row the defaults count."""

    __tablename__ = "mail_settings"

    user: Mapped[str] = mapped_column(String(255), primary_key=True)
    address: Mapped[str | None] = mapped_column(String(254))
    started: Mapped[bool] = mapped_column(default=True)
    failed: Mapped[bool] = mapped_column(default=True)
    limit: Mapped[bool] = mapped_column(default=True)
    shared: Mapped[bool] = mapped_column(default=True)


class QueuedMail:
    """The columns of a mail on its way to the mail server."""

    state: Mapped[MailState] = mapped_column(text_enum(MailState))
    address: Mapped[str | None] = mapped_column(String(254))
    message: Mapped[str] = mapped_column(ExternalText(), default="")
    tries: Mapped[int] = mapped_column(default=0)
    created: Mapped[datetime]
    next_try: Mapped[datetime]


class Mail(QueuedMail, Base):
    """One mail about one attempt of a task: there is never a second one of its kind.

    The exception is `END`: a task that was kept is asked about again, with the same row.
    """

    __tablename__ = "mails"
    __table_args__ = (Index(None, "state", "next_try"),)

    task_id: Mapped[str] = mapped_column(
        ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True
    )
    attempt: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[MailKind] = mapped_column(text_enum(MailKind), primary_key=True)
    user: Mapped[str] = mapped_column(String(255), index=True)

    def __repr__(self) -> str:
        return f"<Mail {self.kind} of {self.task_id} {self.state}>"


class SoftwareUse(Base):
    """How often a user has started a software, by the id of its card, and if it is a favourite.

    It outlives the tasks, and ends with the user.
    """

    __tablename__ = "software_uses"

    user: Mapped[str] = mapped_column(String(255), primary_key=True)
    software: Mapped[str] = mapped_column(String(80), primary_key=True)
    uses: Mapped[int] = mapped_column(default=0)
    last_used: Mapped[datetime | None]
    favourite: Mapped[bool] = mapped_column(default=False)
