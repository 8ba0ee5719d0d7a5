"""Each refusal is told as problem details (RFC 9457)."""

from typing import Any

import pytest
from tornado import web

from rosetta_hub.accounts.errors import TooManyAttempts
from rosetta_hub.copies.plan import NamesTaken
from rosetta_hub.errors import FilesError, InvalidOptions, LimitReached, Unavailable
from rosetta_hub.log_format import request_id
from rosetta_hub.registries.errors import LookupsExceeded, RegistryRefused
from rosetta_hub.web.problem import describe_error

LIMIT = "urn:rosetta-hub:problem:limit-reached"


def document(error: BaseException | None, status: int = 500) -> dict[str, Any]:
    token = request_id.set("0badc0de")
    try:
        return describe_error(error, status).model_dump(mode="json", exclude_none=True)
    finally:
        request_id.reset(token)


def test_an_error_of_ours_has_a_type() -> None:
    assert document(LimitReached("Stop a task first.")) == {
        "type": LIMIT,
        "title": "Limit reached",
        "status": 409,
        "detail": "Stop a task first.",
        "instance": "0badc0de",
    }


@pytest.mark.parametrize(
    ("error", "members"),
    [
        (NamesTaken([b"a b"]), {"conflicts": ["a%20b"], "total": 1, "status": 409}),
        (FilesError("quota", "Full."), {"code": "quota", "status": 507}),
        (RegistryRefused("denied", "No."), {"reason": "denied", "status": 422}),
        (LookupsExceeded("Later."), {"reason": "busy", "status": 429}),
        (
            InvalidOptions("No.", [{"pointer": "/body/name", "detail": "Too long"}]),
            {"errors": [{"pointer": "/body/name", "detail": "Too long"}], "status": 422},
        ),
        (Unavailable("Later."), {"type": "urn:rosetta-hub:problem:unavailable", "status": 503}),
    ],
)
def test_what_programs_go_by_are_members(error: Exception, members: dict[str, Any]) -> None:
    message = document(error)
    assert {name: message[name] for name in members} == members


def test_an_error_of_http_has_the_title_of_its_status() -> None:
    message = document(web.HTTPError(405), 405)
    assert (message["type"], message["title"]) == ("about:blank", "Method Not Allowed")
    assert document(web.HTTPError(400, "Say it again."), 400)["detail"] == "Say it again."


def test_nothing_is_told_of_a_fault() -> None:
    message = document(KeyError("secret"))
    assert (message["status"], "secret" in str(message)) == (500, False)
    assert message["detail"].endswith("as request 0badc0de.")


def test_when_to_try_again_is_a_header() -> None:
    assert TooManyAttempts(90).headers == {"Retry-After": "90"}
