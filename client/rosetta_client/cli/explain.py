"""Errors in words for users of the command, with what to do."""

from __future__ import annotations

from rosetta_client.errors import ApiError, NotLoggedIn, RosettaError

_OTHER_VERSION = (
    "The hub has nothing for this command: it is of another version. See 'rosetta version'."
)
_LOG_IN = (
    "The hub does not accept the token: it has expired or was deleted, or its user was. Log in with"
    " 'rosetta login'."
)


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
