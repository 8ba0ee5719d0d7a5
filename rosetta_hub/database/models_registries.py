"""The table of users' accounts at registries."""

import enum
from datetime import datetime

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from rosetta_hub.database.external_text import ExternalText
from rosetta_hub.database.models import Base, text_enum


class LoginState(enum.StrEnum):
    """What is known of an account at a registry."""

    UNTESTED = "untested"
    WORKS = "works"
    REFUSED = "refused"


class RegistryCredential(Base):
    """A user's own account at a registry.

    The password is encrypted (`Keys.database`); it is nowhere else.
    """

    __tablename__ = "registry_credentials"

    user: Mapped[str] = mapped_column(String(255), primary_key=True)
    host: Mapped[str] = mapped_column(String(255), primary_key=True)
    account: Mapped[str] = mapped_column(String(255))
    password: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[LoginState] = mapped_column(text_enum(LoginState))
    message: Mapped[str] = mapped_column(ExternalText(), default="")
    updated: Mapped[datetime]

    def __repr__(self) -> str:
        return f"<RegistryCredential {self.user} at {self.host}>"
