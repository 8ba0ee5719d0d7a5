"""Why a request of the build program fails."""

from typing import Sequence


class BuildError(Exception):
    """What was asked for was not done; the message is for the user.

    ``step`` is the one that failed, ``tail`` the last lines of the output; ``transient``: the
    cause may pass.
    """

    def __init__(
        self, message: str, step: str = "", tail: Sequence[str] = (), transient: bool = False
    ) -> None:
        super().__init__(message)
        self.step = step
        self.tail = list(tail)
        self.transient = transient


class BuildCancelled(Exception):
    """The service has closed the channel, or a signal asked the program to end."""
