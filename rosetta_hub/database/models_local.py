"""The tables of local accounts: passwords, sign-ups, invitations, one-time links, attempts."""

import enum
from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from rosetta_hub.database.models import Base, text_enum
from rosetta_hub.database.models_logins import UserRow


class Password(UserRow, Base):
    """A local account: the name that is typed in, and the argon2id hash of its password.

    `id` is the subject of its login link, which says whose it is; `user` follows the link. An
    account that the command line made for an administrator has `make_admin` until its first login.
    """

    __tablename__ = "passwords"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    login: Mapped[str] = mapped_column(String(255), unique=True)
    hash: Mapped[str] = mapped_column(String(255))
    changed: Mapped[datetime]
    make_admin: Mapped[bool] = mapped_column(default=False)

    def __repr__(self) -> str:
        return f"<Password of {self.login}>"


class SignUp(Base):
    """Somebody who asks for an account.

    Until the mailed link is used there is no name and no password, so nothing is reserved and
    nothing is known to whoever typed the address. Then the row waits for an administrator, if
    accounts need approval.
    """

    __tablename__ = "sign_ups"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    address: Mapped[str | None] = mapped_column(String(254), index=True)
    digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    invitation: Mapped[str | None] = mapped_column(String(32), index=True)
    name: Mapped[str | None] = mapped_column(String(255), unique=True)
    hash: Mapped[str | None] = mapped_column(String(255))
    created: Mapped[datetime]
    expires: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]

    def __repr__(self) -> str:
        return f"<SignUp {self.id}>"


class Invitation(Base):
    """Leave to make an account: for one address, or for whoever has the link."""

    __tablename__ = "invitations"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    address: Mapped[str | None] = mapped_column(String(254))
    uses_left: Mapped[int]
    created: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(255))
    expires: Mapped[datetime]

    def __repr__(self) -> str:
        return f"<Invitation {self.id}>"


class TokenPurpose(enum.StrEnum):
    """What a one-time link does."""

    # Set another password, or the first one of a user who has none.
    RESET = "reset"
    FIRST = "first"


class OneTimeToken(UserRow, Base):
    """A link that acts for a user, once; only the SHA-256 of its token is stored."""

    __tablename__ = "one_time_tokens"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[TokenPurpose] = mapped_column(text_enum(TokenPurpose))
    created: Mapped[datetime]
    expires: Mapped[datetime]
    used_at: Mapped[datetime | None]

    def __repr__(self) -> str:
        return f"<OneTimeToken {self.purpose} of {self.user}>"


class Attempts(Base):
    """How often something was tried in a span of time; the key is a digest."""

    __tablename__ = "throttles"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int]
    until: Mapped[datetime] = mapped_column(index=True)
