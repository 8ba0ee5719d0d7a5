"""Errors of files, sorted by what the caller does with them.

RosettaError
├── UserError
│   └── FilesError           the storage answered: the message is for the user
└── Unavailable
    └── StorageUnavailable   the storage did not answer: retry later, nothing is known (HTTP 503)
"""

from typing import Any

from rosetta_hub.errors import Unavailable, UserError

_STATUS = {
    "not_found": 404,
    "permission": 403,
    "read_only": 403,
    "exists": 409,
    "not_empty": 409,
    "changed": 412,
    "too_large": 413,
    "no_space": 507,
    "quota": 507,
    "stale": 503,
    "failed": 500,
}


class FilesError(UserError):
    """An operation on files failed; `code` is one of `CODES` (rosetta_agent/files/frames.py).

    `status` is that of an HTTP answer: 400 where the request can't be carried out at all.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = _STATUS.get(code, 400)

    @property
    def members(self) -> dict[str, Any]:
        """The code, for programs."""
        return {"code": self.code}


class StorageUnavailable(Unavailable):
    """A storage did not answer, or the channel to it ended."""


def malformed(detail: str) -> StorageUnavailable:
    """The storage's program has answered with something that is not of the protocol."""
    return StorageUnavailable(f"The storage gave an answer of no use: {detail}.")


def ended() -> StorageUnavailable:
    """The channel to the storage has ended."""
    return StorageUnavailable("The connection to the storage has ended. Try again.")
