"""Problem details: how each refusal and each fault is told (RFC 9457, `application/problem+json`).

`type` names the class of the error in `errors.py`, for programs; `detail` is the message for users.
"""

import re
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict
from tornado import web

from rosetta_hub.errors import RosettaError
from rosetta_hub.log_format import request_id

MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:rosetta-hub:problem:"
# What has no type of its own: its title is that of the status (RFC 9457, section 4.2.1).
_BLANK = "about:blank"


class Fault(BaseModel):
    """What does not fit in a request: where, and what is allowed there.

    `pointer` is a JSON pointer (RFC 6901) into the request: `/body/name`, `/query/limit`.
    """

    pointer: str
    detail: str


class Problem(BaseModel):
    """Why a request was refused, or has failed (RFC 9457).

    `detail` tells users what to do, `type` is for programs, `instance` is the request's id in the
    log of the service. Some problems have more members.
    """

    model_config = ConfigDict(extra="allow")

    type: str = _BLANK
    title: str
    status: int
    detail: str
    instance: str
    errors: list[Fault] | None = None

    def with_members(self, **members: Any) -> "Problem":
        """The problem with further members, of JSON."""
        return Problem(**{**self.model_dump(), **members})


def describe_error(error: BaseException | None, status: int) -> Problem:
    """The problem that an error is; nothing is told of errors that are not ours.

    `status` is for errors without one of their own.
    """
    if isinstance(error, RosettaError):
        return _describe_own(error)
    message = error.log_message if isinstance(error, web.HTTPError) else None
    return Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=message or _explain(status),
        instance=request_id.get(),
    )


def _describe_own(error: RosettaError) -> Problem:
    words = re.findall("[A-Z][a-z]*", type(error).__name__)
    problem = Problem(
        type=_TYPE + "-".join(words).lower(),
        title=" ".join(words).capitalize(),
        status=getattr(error, "status", 500),
        detail=str(error),
        instance=request_id.get(),
    )
    return problem.with_members(**error.members)


def _explain(status: int) -> str:
    if status >= 500:
        return (
            "Something went wrong. The administrator finds it in the log, as request"
            f" {request_id.get()}."
        )
    return f"The request was refused: {HTTPStatus(status).phrase}."
