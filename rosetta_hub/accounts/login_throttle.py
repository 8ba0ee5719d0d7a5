"""How often a password may be tried, so that nobody can lock others out.

Failed logins are counted for the address that they come from, and for an account together with the
address: both are refused beyond a limit, which concerns nobody at other addresses. Those of an
account from anywhere only make each further attempt wait for some seconds. A browser that has been
logged in to the account before is counted by itself (device cookies, as OWASP describes them), so
not even an attacker at the same address, as in a computer room, keeps the owner out.
"""

from dataclasses import dataclass
from datetime import timedelta

from rosetta_hub.accounts.throttle import Rule, Throttle, address_prefix

_WINDOW = timedelta(minutes=15)
BY_ADDRESS = Rule("login address", 100, _WINDOW)
BY_ACCOUNT_AND_ADDRESS = Rule("login account address", 10, _WINDOW)
BY_BROWSER = Rule("login browser", 10, _WINDOW)
BY_ACCOUNT = Rule("login account", None, _WINDOW)

# Failures of an account from anywhere, after which each attempt waits; and seconds at most.
PATIENCE = 20
LONGEST_DELAY = 8.0


@dataclass(frozen=True)
class LoginAttempt:
    """One login: the name that was typed, where it comes from, and the browser if it is known.

    `browser` identifies a browser that was logged in to this very account.
    """

    account: str
    address: str
    browser: str | None = None

    @property
    def prefix(self) -> str:
        """What is counted of the address."""
        return address_prefix(self.address)


class LoginThrottle:
    """Counts before the password is looked at, and takes back what succeeded."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle

    def begin(self, attempt: LoginAttempt) -> float:
        """Count an attempt; returns the seconds that it has to wait for.

        Raises:
            TooManyAttempts: the password must not be looked at.
        """
        take = self._throttle.take
        if attempt.browser:
            take(BY_BROWSER, attempt.account, attempt.browser)
            return 0.0
        take(BY_ADDRESS, attempt.prefix)
        take(BY_ACCOUNT_AND_ADDRESS, attempt.account, attempt.prefix)
        return delay_after(take(BY_ACCOUNT, attempt.account))

    def succeeded(self, attempt: LoginAttempt) -> None:
        """The password was right."""
        if attempt.browser:
            self._throttle.forget(BY_BROWSER, attempt.account, attempt.browser)
            return
        self._throttle.give_back(BY_ADDRESS, attempt.prefix)
        self._throttle.forget(BY_ACCOUNT_AND_ADDRESS, attempt.account, attempt.prefix)
        self._throttle.give_back(BY_ACCOUNT, attempt.account)


def delay_after(failures: int) -> float:
    """Seconds that an attempt waits after so many of the same account."""
    surplus = failures - PATIENCE
    return 0.0 if surplus <= 0 else min(0.5 * 2.0 ** min(surplus, 10), LONGEST_DELAY)
