"""The table of mails that are about accounts, not about tasks."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from rosetta_hub.database.models import Base
from rosetta_hub.database.models_user import QueuedMail


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
