"""Exit codes: what scripts can tell apart."""

from __future__ import annotations

from rosetta_client.errors import (
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


def exit_code(error: RosettaError) -> int:
    """The code for an error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), REFUSED)
