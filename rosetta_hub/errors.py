"""Errors of the service, sorted by what the caller does with them.

RosettaError
├── UserError            shown to the user as it is: a full sentence with what to do
│   ├── MalformedRequest     a body that can't be read (HTTP 400)
│   ├── UnsupportedMediaType a body of another media type than JSON (HTTP 415)
│   ├── InvalidOptions       a task was asked for that can't be (HTTP 422)
│   ├── NotAllowed           not this user's (HTTP 403)
│   │   ├── NotLoggedIn          no token, or none that the hub knows
│   │   └── ScopeMissing         a token of the hub that may not use the service
│   ├── ImageRefused         the site's policy does not let an image run (HTTP 403)
│   ├── StorageRefused       a storage has no place for this user (HTTP 403)
│   ├── FilesError           a storage has refused an operation on files (HTTP by its code)
│   ├── NotFound             no such task (HTTP 404)
│   │   └── NoSuchAddress        the service has nothing at this address
│   ├── Conflict             not now: the task is running, a name is taken (HTTP 409)
│   │   ├── LimitReached         not beside the user's other active tasks
│   │   └── RequestInProgress    the same request has not been answered yet
│   ├── IdempotencyKeyReused another request had the key (HTTP 422)
│   ├── ChangedMeanwhile     not any more what the user saw (HTTP 412)
│   ├── MatchRequired        send the version that is to be changed (HTTP 428)
│   ├── TooManyRequests      more than the user may send in a minute (HTTP 429)
│   └── PortsExhausted       every port of `c.Rosetta.tasks_ports` is in use (HTTP 503)
├── ConfigError          shown to the admin at start-up: entry, key, what is allowed
└── Unavailable          could not ask: retry later, nothing is known (HTTP 503)
    ├── DatabaseUnavailable  the service's own database does not answer, or its disk is full
    ├── EdgeUnavailable      the edge does not answer
    ├── ImageUnchecked       the image policy has not answered
    ├── HubUnavailable       JupyterHub does not answer
    └── ResourceUnavailable  a computing resource does not answer
        ├── HostKeyProblem       its host key is not the pinned one: the admin has to decide
        └── AuthenticationFailed it does not accept the key: the user has to install it
"""

from collections.abc import Mapping, Sequence
from typing import Any

# HTTP's status for a code of `FilesError`; 400 for the others.
_FILES_STATUS = {
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


class RosettaError(Exception):
    """Base of all errors that Rosetta Hub raises on purpose."""

    @property
    def members(self) -> dict[str, Any]:
        """What an HTTP answer tells programs besides the message: JSON, by key."""
        return {}

    @property
    def headers(self) -> dict[str, str]:
        """Headers of an HTTP answer."""
        return {}


class UserError(RosettaError):
    """The user can mend it; the message is a message that says how."""

    status = 400


class MalformedRequest(UserError):
    """The body of a request can't be read, or its address."""


class UnsupportedMediaType(UserError):
    """The body of a request is of another media type than is read here."""

    status = 415


class InvalidOptions(UserError):
    """The options of a task are not in the catalogue, or out of range.

    `faults` tells where in a request: JSON objects with `pointer` and `detail`.
    """

    status = 422

    def __init__(self, message: str, faults: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(message)
        self._faults = faults

    @property
    def members(self) -> dict[str, Any]:
        """The faults, as `errors`."""
        return {"errors": [dict(fault) for fault in self._faults]} if self._faults else {}


class NotAllowed(UserError):
    """The user lacks the right; the message does not tell whether the thing exists."""

    status = 403


class NotLoggedIn(NotAllowed):
    """The request has no token, or none that the hub knows."""


class ScopeMissing(NotAllowed):
    """The request has a token of the hub that may not use the service."""


class ImageRefused(UserError):
    """The image policy does not let an image run; the message is the policy's."""

    status = 403


class StorageRefused(UserError):
    """A storage has no directory for this user: no account there, or a name that is no path."""

    status = 403
    reason = "storage_refused"


class FilesError(UserError):
    """An operation on files failed; `code` is one of `CODES` (rosetta_agent/files/frames.py).

    `status` is that of an HTTP answer: 400 where the request can't be carried out at all.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = _FILES_STATUS.get(code, 400)

    @property
    def members(self) -> dict[str, Any]:
        """The code, for programs."""
        return {"code": self.code}


class NotFound(UserError):
    """There is no such task, or it is not visible to the user."""

    status = 404


class NoSuchAddress(NotFound):
    """The service has nothing at this address, whoever asks."""


class Conflict(UserError):
    """The request does not fit the present state of the task."""

    status = 409


class LimitReached(Conflict):
    """The user's active tasks have what the user may have; the message names them."""


class RequestInProgress(Conflict):
    """The same request was sent before, and has not been answered yet."""


class IdempotencyKeyReused(UserError):
    """Another request of the user had the same `Idempotency-Key`."""

    status = 422


class ChangedMeanwhile(UserError):
    """What is to be changed is not any more what the user saw (`If-Match`)."""

    status = 412


class MatchRequired(UserError):
    """What several users may change is changed with `If-Match` alone."""

    status = 428


class TooManyRequests(UserError):
    """The user has sent more requests than `c.Rosetta.api_requests_per_minute`."""

    status = 429


class PortsExhausted(UserError):
    """No port of the configured range is free."""

    status = 503


class ConfigError(RosettaError):
    """The configuration can't be used; the message names the entry, the key and what is allowed."""


class Unavailable(RosettaError):
    """Nobody answered: the state is unknown, ask again later."""

    status = 503


class DatabaseUnavailable(Unavailable):
    """The service's own database can't be used: nothing was read or written."""


class EdgeUnavailable(Unavailable):
    """The edge did not answer on its socket."""


class ImageUnchecked(Unavailable):
    """An image could not be checked, or not yet: it does not run where the policy fails closed."""


class HubUnavailable(Unavailable):
    """The hub's REST API did not answer, or answered with an error of its own."""


class ResourceUnavailable(Unavailable):
    """A computing resource did not answer."""


class HostKeyProblem(ResourceUnavailable):
    """The host key of a resource is unknown or has changed; the message is for its admin."""


class AuthenticationFailed(ResourceUnavailable):
    """A resource does not accept a key; the message says what its owner has to do."""
