"""What belongs to a user beside tasks and keys, as the page Account shows and changes it."""

from dataclasses import dataclass

from rosetta_hub.mail.confirmation import MailAddresses
from rosetta_hub.users.browser_logins import BrowserLogins
from rosetta_hub.users.dates import DateSettings
from rosetta_hub.users.exports import UserExports
from rosetta_hub.users.idempotency import IdempotencyKeys


@dataclass(frozen=True)
class AccountParts:
    """One of each."""

    dates: DateSettings
    addresses: MailAddresses
    browsers: BrowserLogins
    exports: UserExports
    requests: IdempotencyKeys

    def delete_user(self, user: str) -> None:
        """Forget what these parts keep for a user."""
        for part in (self.dates, self.addresses, self.browsers, self.requests):
            part.delete_user(user)
