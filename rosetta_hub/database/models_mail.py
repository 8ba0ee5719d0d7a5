"""The tables of mails: what users want to be told, mails on their way, unconfirmed addresses."""

import enum
from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from rosetta_hub.database.external_text import ExternalText
from rosetta_hub.database.models import Base, text_enum


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


class AccountMail(QueuedMail, Base):
    """One mail to an address, which may belong to nobody who has an account yet.

    The context is what its template is filled with, as encrypted JSON (`Keys.database`): it may
    hold a link that opens an account. It is deleted once the mail is on its way.
    """

    __tablename__ = "account_mails"
    __table_args__ = (Index(None, "state", "next_try"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    template: Mapped[str] = mapped_column(String(40))
    context: Mapped[bytes | None] = mapped_column(LargeBinary)
    user: Mapped[str | None] = mapped_column(String(255), index=True)
    expires: Mapped[datetime]

    def __repr__(self) -> str:
        return f"<AccountMail {self.id} {self.template} {self.state}>"


class MailConfirmation(Base):
    """A mail address that a user has given, and that its owner has not confirmed yet.

    Only the digest of the code in the link is kept. `mails` is how many mails have been sent since
    `since`, so that nobody fills a stranger's mailbox.
    """

    __tablename__ = "mail_confirmations"

    user: Mapped[str] = mapped_column(String(255), primary_key=True)
    address: Mapped[str] = mapped_column(String(254))
    digest: Mapped[str | None] = mapped_column(String(64))
    expires: Mapped[datetime]
    mails: Mapped[int] = mapped_column(default=0)
    since: Mapped[datetime]
