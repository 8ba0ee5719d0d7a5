"""The tables of what users set on the page Account, and of where they are logged in."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from rosetta_hub.database.external_text import ExternalText
from rosetta_hub.database.models import Base


class UserPreferences(Base):
    """How times are written for a user; what is not set is the browser's choice."""

    __tablename__ = "user_preferences"

    user: Mapped[str] = mapped_column(String(255), primary_key=True)
    time_zone: Mapped[str | None] = mapped_column(String(64))
    language: Mapped[str | None] = mapped_column(String(35))


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


class BrowserLogin(Base):
    """A browser in which a user is logged in, by the digest of its session at the hub."""

    __tablename__ = "browser_logins"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user: Mapped[str] = mapped_column(String(255), primary_key=True, index=True)
    browser: Mapped[str] = mapped_column(ExternalText(80))
    address: Mapped[str] = mapped_column(ExternalText(45))
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]
