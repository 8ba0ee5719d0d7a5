"""What can go wrong on the way to the mail server, sorted by what the sender does next."""

from rosetta_hub.errors import RosettaError, Unavailable


class MailServerUnavailable(Unavailable):
    """The mail server was not reached, or serves us not at all: all mails wait."""


class MailRefused(RosettaError):
    """The mail server refused one mail; `temporary` means that it may be tried again."""

    def __init__(self, message: str, temporary: bool) -> None:
        super().__init__(message)
        self.temporary = temporary
