"""Errors of registries.

RegistryRefused (UserError)        shown to the user; asking again changes nothing
LookupsExceeded (UserError)        shown to the user: too much at once
RegistryUnavailable (Unavailable)  could not ask: retry later, nothing is known
"""

from datetime import datetime
from typing import Any

from rosetta_hub.errors import Unavailable, UserError

# What the API answers; every other reason is 422: the user has to name another image.
_STATUS = {"not_found": 404, "pull_limit": 429}


class RegistryRefused(UserError):
    """A registry does not give the image, or gives nothing that can be used.

    `reason` is one of `invalid_reference`, `not_found`, `login_needed`, `login_refused`, `denied`,
    `pull_limit`, `not_a_registry`, `private_address`, `unknown_host`, `certificate`, `redirect`,
    `too_large`, `invalid_answer`, `wrong_content` and `not_an_image`. `until` is when a limit of
    pulls ends, where the registry says so.
    """

    def __init__(self, reason: str, message: str, until: datetime | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.until = until
        self.status = _STATUS.get(reason, 422)

    @property
    def members(self) -> dict[str, Any]:
        """The reason, and when a limit ends."""
        until = {"until": self.until.isoformat()} if self.until else {}
        return {"reason": self.reason, **until}


class RegistryUnavailable(Unavailable):
    """A registry did not answer, or with an error of its own."""

    reason = "unavailable"

    @property
    def members(self) -> dict[str, Any]:
        """The reason."""
        return {"reason": self.reason}


class LookupsExceeded(UserError):
    """The user looks too many images up at once."""

    status = 429

    @property
    def members(self) -> dict[str, Any]:
        """The reason."""
        return {"reason": "busy"}
