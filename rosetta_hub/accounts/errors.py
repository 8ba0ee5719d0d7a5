"""What goes wrong with local accounts; all are shown to the user as they are.

UserError
├── LinkInvalid          a link was used, is too old, or a newer mail replaces it (HTTP 410)
├── TooManyAttempts      wait before trying again (HTTP 429)
└── InvalidOptions
    ├── PasswordRefused      too short, or easy to guess
    └── NameRefused          no name that an account can have
"""

from rosetta_hub.errors import InvalidOptions, UserError


class LinkInvalid(UserError):
    """A link that does not work, whatever the reason: the answer tells nobody which."""

    status = 410

    def __init__(self) -> None:
        super().__init__(
            "This link does not work any more: it has been used, it is too old, or you have got a"
            " newer one. Ask for another mail."
        )


class TooManyAttempts(UserError):
    """Too many tries; `retry_after` is in seconds."""

    status = 429

    def __init__(self, retry_after: int) -> None:
        minutes = max(1, -(-retry_after // 60))
        super().__init__(f"There were too many attempts. Try again in {minutes} min.")
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """When to try again."""
        return {"Retry-After": str(self.retry_after)}


class PasswordRefused(InvalidOptions):
    """The message says what a better password is."""


class NameRefused(InvalidOptions):
    """The message says which names are possible."""
