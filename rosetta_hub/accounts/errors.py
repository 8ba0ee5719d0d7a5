"""What goes wrong with local accounts; all are shown to the user as they are.

UserError
├── LinkInvalid          a link was used, is too old, or a newer mail replaces it (HTTP 410)
├── TooManyAttempts      wait before trying again (HTTP 429)
├── Conflict
│   ├── NameTaken            somebody has the name, or asks for it
│   └── AddressTaken         the address is an account's
└── InvalidOptions
    ├── PasswordRefused      too short, or easy to guess
    └── NameRefused          no name that an account can have
"""

from rosetta_hub.errors import Conflict, InvalidOptions, UserError


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


class NameTaken(Conflict):
    """Another account, or a sign-up that goes on, has the name."""

    def __init__(self) -> None:
        super().__init__("This name is taken. Choose another one.")


class AddressTaken(Conflict):
    """A mail address is the one of an account."""

    def __init__(self) -> None:
        super().__init__("This address belongs to an account already. Log in to that one.")


class PasswordRefused(InvalidOptions):
    """The message says what a better password is."""


class NameRefused(InvalidOptions):
    """The message says which names are possible."""
