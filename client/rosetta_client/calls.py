"""What is sent for a call and what its answer means, without any input or output."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from rosetta_client.decode import decode, encode
from rosetta_client.errors import (
    ApiError,
    ApiNotFound,
    NotLoggedIn,
    RosettaError,
    UnexpectedAnswer,
    Unreachable,
)

T = TypeVar("T")
JSON = "application/json"
_PROBLEM = "application/problem+json"
# Problems whose remedy is to log in, or to use another token.
_NOT_LOGGED_IN = frozenset({"not-logged-in", "scope-missing"})
# Parameters of paths that the API has percent-encoded everywhere, and whose slashes separate: an
# entry of a storage, and a repository as links spell it.
_ENCODED = frozenset({"entry", "spec"})
# Answers after which the same request may be answered otherwise.
PASSING = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request below `api/v1/`, and the type of its answer.

    `repeatable` says that it may be sent again when nobody knows whether it arrived.
    """

    method: str
    path: str
    answer: Any
    query: Mapping[str, object] = field(default_factory=dict)
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The query's parameters; those that are None are left out, lists are repeated keys."""
        return [
            (key, _text(item))
            for key, value in self.query.items()
            for item in (value if isinstance(value, (list, tuple)) else [value])
            if item is not None
        ]

    @property
    def content(self) -> bytes | None:
        """The body."""
        return None if self.body is None else json.dumps(encode(self.body)).encode()


@dataclass(frozen=True)
class Response:
    """The parts of an answer that are read."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        """The type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def ignore(_: object) -> None:
    """Do nothing with news that nobody wants."""


def new_key() -> str:
    """A key by which the hub knows a request again that is sent a second time."""
    return secrets.token_urlsafe(16)


def entity_tag(revision: int | str) -> str:
    """The value of `If-Match` for a revision as the API tells it; `*` is any."""
    return "*" if revision == "*" else f'"{revision}"'


def path(template: str, **parameters: object) -> str:
    """A path with its parameters, each encoded as one segment, but for those that are encoded
    paths (`_ENCODED`)."""
    return template.format(
        **{
            key: quote(str(value), safe="/%" if key in _ENCODED else "")
            for key, value in parameters.items()
        }
    )


def read_answer(call: Call[T], response: Response) -> T:
    """What the answer of a call means.

    Raises:
        ApiError: the hub refused.
        UnexpectedAnswer: it is no answer of a Rosetta Hub.
    """
    if response.status >= 300:
        raise read_error(response)
    if call.answer is None:
        return None  # type: ignore[return-value]
    if call.answer is bytes:
        return response.body  # type: ignore[return-value]
    if call.answer is str:
        return response.body.decode(errors="replace")  # type: ignore[return-value]
    if response.content_type != JSON:
        raise _unexpected(response)
    try:
        result: T = decode(call.answer, json.loads(response.body))
    except (ValueError, TypeError) as error:
        raise UnexpectedAnswer(
            f"The hub's answer can't be read: {error}. The hub and this client may be of versions"
            " that do not fit: compare them with 'rosetta version'."
        ) from error
    return result


def read_error(response: Response) -> RosettaError:
    """The error that a refusal stands for."""
    if response.content_type not in (JSON, _PROBLEM):
        return _unexpected(response)
    try:
        problem = json.loads(response.body)
    except ValueError:
        return _unexpected(response)
    if not isinstance(problem, dict):
        return _unexpected(response)
    error = ApiError(response.status, problem)
    if response.status == 401 or error.kind in _NOT_LOGGED_IN:
        return NotLoggedIn(response.status, problem)
    if response.status == 404:
        return ApiNotFound(response.status, problem)
    return error


def retry_delay(response: Response, attempt: int) -> float:
    """Seconds until a request is sent again; the hub's wish, at most a minute."""
    seconds = response.headers.get("retry-after", "")
    return min(60.0, float(seconds)) if seconds.isdecimal() else backoff(attempt)


def backoff(attempt: int) -> float:
    """Seconds before the attempt after this one (from 0 on)."""
    return float(min(10.0, 0.5 * 2**attempt))


def server_time(response: Response) -> float | None:
    """Seconds since 1970 by the clock of whoever answered; None without a date."""
    try:
        return parsedate_to_datetime(response.headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return None


def _unexpected(response: Response) -> RosettaError:
    """What something else than the service has answered, such as a proxy."""
    status, location = response.status, response.headers.get("location")
    if location:
        message = f"The hub's address leads to {location}. Log in with the address where that ends."
        return UnexpectedAnswer(message, status)
    if status in PASSING:
        return Unreachable(f"The hub is not there just now (status {status}). Try again later.")
    return UnexpectedAnswer(
        "What answered is no Rosetta Hub, or something in between answered for it (status"
        f" {status}, {response.content_type or 'no type'}). Check the address.",
        status,
    )


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)
