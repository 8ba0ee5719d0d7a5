"""What each user wants to be told, and at which address."""

from dataclasses import asdict, dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from rosetta_hub.database.models_mail import Mail, MailKind, MailSettings, MailState
from rosetta_hub.mail_addresses import default_address
from rosetta_hub.users.emails import emails_of_user


@dataclass(frozen=True)
class Preferences:
    """A user's choices; no address means no mails, whatever is chosen."""

    address: str | None = None
    started: bool = True
    failed: bool = True
    limit: bool = True
    shared: bool = True

    def wants(self, kind: MailKind) -> bool:
        """Whether a mail of that kind is sent."""
        return self.address is not None and bool(getattr(self, kind.choice))


def read_preferences(session: Session, user: str, domain: str) -> Preferences:
    """The user's choices.

    Until the user has set an address, it is the one that was verified at sign-in, if there is any,
    or `<user>@<domain>`.
    """
    row = session.get(MailSettings, user)
    if row is None:
        verified = [email.address for email in emails_of_user(session, user)]
        return Preferences(verified[0] if verified else default_address(user, domain))
    return Preferences(row.address, row.started, row.failed, row.limit, row.shared)


def write_preferences(session: Session, user: str, preferences: Preferences) -> None:
    """Keep the user's choices; they count for mails that wait, too."""
    session.merge(MailSettings(user=user, **asdict(preferences)))


def find_problem(session: Session, user: str, address: str | None) -> str | None:
    """Why the user's last mail to that address could not be delivered; None where it could."""
    last = session.scalar(
        select(Mail)
        .where(Mail.user == user, Mail.address == address)
        .order_by(Mail.next_try.desc())
        .limit(1)
    )
    return last.message if last and last.state is MailState.REFUSED else None
