"""What an error tells the user of the command, and scripts by the exit code."""

from __future__ import annotations

from rosetta_client.errors import (
    ApiError,
    ConfigError,
    NotFound,
    NotLoggedIn,
    RosettaError,
    TaskFailed,
    TimeOver,
    Unreachable,
)

REFUSED = 1
USAGE = 2
NOT_FOUND = 3
NOT_LOGGED_IN = 4
TASK_FAILED = 5
TIME_OVER = 6
UNREACHABLE = 7
INTERRUPTED = 130
# As shells show a program that SIGPIPE ended.
PIPE_CLOSED = 141

_CODES: tuple[tuple[type[RosettaError], int], ...] = (
    (NotLoggedIn, NOT_LOGGED_IN),
    (ConfigError, NOT_LOGGED_IN),
    (NotFound, NOT_FOUND),
    (TaskFailed, TASK_FAILED),
    (TimeOver, TIME_OVER),
    (Unreachable, UNREACHABLE),
)
_OTHER_VERSION = (
    "The hub has nothing for this command: it is of another version. See 'rosetta version'."
)
_LOG_IN = (
    "The hub does not accept the token: it has expired or was deleted, or its user was. Log in with"
    " 'rosetta login'."
)


def exit_code(error: RosettaError) -> int:
    """The code for an error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), REFUSED)


def explain(error: RosettaError) -> str:
    """The message, with the faults of single fields where the hub tells them."""
    if isinstance(error, ApiError) and error.kind == "no-such-address":
        return _OTHER_VERSION
    if isinstance(error, NotLoggedIn) and error.kind != "scope-missing":
        return _LOG_IN
    if isinstance(error, ApiError) and error.status >= 500 and error.request_id:
        return f"{error} (request {error.request_id})"
    faults = _faults(error) if isinstance(error, ApiError) else []
    return " ".join([str(error), *faults])


def _faults(error: ApiError) -> list[str]:
    """What is wrong with which field, as far as the message does not say it."""
    return [
        f"{fault.get('pointer', '').removeprefix('/body/').replace('/', '.')}: {detail}."
        for fault in error.errors
        if (detail := fault.get("detail", "").rstrip(".")) and detail not in str(error)
    ]
