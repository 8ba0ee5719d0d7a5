"""Errors of the client.

RosettaError                      shown to the user as it is
├── ConfigError                   no hub or token is configured, or the file is damaged
├── Unreachable                   the hub did not answer: try again later
├── UnexpectedAnswer              something answered that is no Rosetta Hub of a version we know
├── TimeOver                      what was waited for did not happen in time
├── TaskFailed                    the task that was waited for has failed
├── ConnectionEnded               a connection to a task has ended before its time
├── NotFound                      nothing has this name
└── ApiError                      the hub refused, with a status and a reason
    ├── NotLoggedIn               the token is missing, expired, deleted, or may not use the service
    └── ApiNotFound               also a NotFound
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class RosettaError(Exception):
    """Anything that can be shown to the user as it is."""


class ConfigError(RosettaError):
    """No hub or token is configured, or the configuration file can't be used."""


class Unreachable(RosettaError):
    """The hub did not answer; trying again later may help."""


class UnexpectedAnswer(RosettaError):
    """Something answered that is no Rosetta Hub, or one that this client can't read."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class TimeOver(RosettaError):
    """What was waited for did not happen in time."""


class TaskFailed(RosettaError):
    """The task that was waited for has failed."""


class ConnectionEnded(RosettaError):
    """A connection to a task was lost, or the hub has ended it.

    `is_final` says that another connection would be refused: the task is over, or not this user's.
    """

    def __init__(self, message: str, is_final: bool = False) -> None:
        self.is_final = is_final
        super().__init__(message)


class NotFound(RosettaError):
    """Nothing has this name."""


class ApiError(RosettaError):
    """The hub refused a request (RFC 9457).

    `kind` is the last part of the problem's type, such as `limit-reached`; `errors` say what is
    wrong with which field; `problem` is the whole document.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.kind = str(problem.get("type", "")).rpartition(":")[2]
        self.request_id = str(problem.get("instance", ""))
        super().__init__(_describe(status, problem))

    @property
    def errors(self) -> Sequence[Mapping[str, str]]:
        """What is wrong with which field."""
        listed = self.problem.get("errors")
        return listed if isinstance(listed, list) else []


class NotLoggedIn(ApiError):
    """The token is missing, has expired, was deleted, or may not use the service."""


class ApiNotFound(ApiError, NotFound):
    """There is nothing at this address, or the user may not see it."""


def _describe(status: int, problem: Mapping[str, Any]) -> str:
    detail = problem.get("detail") or problem.get("message") or problem.get("title")
    return str(detail) if detail else f"The hub refused the request (status {status})."
