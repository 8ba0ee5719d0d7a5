"""What all handlers share: headers, errors as problem details, JSON."""

import json
import secrets
import unicodedata
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from tornado import web

from rosetta_hub.client_address import client_address
from rosetta_hub.errors import MalformedRequest, RosettaError
from rosetta_hub.log_format import request_id
from rosetta_hub.web.problem import MEDIA_TYPE, Problem, describe_error
from rosetta_hub.web.rights import Right
from rosetta_hub.web.services import Services

# Bytes; no request of ours is larger, but for an agent's report with a piece of log.
MAX_BODY = 1 << 20

CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data: https:; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)

SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class BaseHandler(web.RequestHandler):
    """Errors become problem details; nothing of an exception that is not ours is shown."""

    services: Services
    # Whether such requests come by themselves, every few seconds.
    routine = False

    def initialize(self, services: Services) -> None:
        """Keep what the application hands to each handler."""
        self.services = services
        # In the log, and in the answer: users tell it to administrators.
        request_id.set(secrets.token_hex(4))
        self.set_header(*_id_header())

    def set_default_headers(self) -> None:
        """Headers of every answer."""
        self.clear_header("Server")
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)
        self.set_header(*_id_header())
        for name, value in self.more_headers().items():
            self.set_header(name, value)

    def more_headers(self) -> dict[str, str]:
        """Headers of every answer of this handler, refusals included."""
        return {}

    def compute_etag(self) -> None:
        """No entity tag, unless a handler sets one: tornado would hash every answer."""

    def json_body(self) -> dict[str, Any]:
        """The request's body as a JSON object.

        Raises:
            MalformedRequest: it is something else.
        """
        try:
            body = json.loads(self.request.body or b"{}")
        except (ValueError, RecursionError) as error:
            raise MalformedRequest("The body of the request is not JSON.") from error
        if not isinstance(body, dict):
            raise MalformedRequest("The body of the request is not a JSON object.")
        return body

    @property
    def client_address(self) -> str | None:
        """Where the request comes from; see `client_address`."""
        return client_address(self.request, self.services.settings.trusted_proxies)

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """A part of the address as text.

        Raises:
            HTTPError: it is not UTF-8, or holds a control character, which no name here has.
        """
        text = super().decode_argument(value, name)
        if any(unicodedata.category(letter) == "Cc" for letter in text):
            raise web.HTTPError(400, "The address holds a control character.")
        return text

    def check_right(self, right: Right, path: Sequence[str]) -> None:
        """Refuse whoever lacks what an operation needs, as far as right and path tell."""

    def answer(self, body: BaseModel | dict[str, Any], status: int = 200) -> None:
        """Send JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(
            body.model_dump_json(by_alias=True) if isinstance(body, BaseModel) else json.dumps(body)
        )

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Errors with a status of their own are answers, not faults."""
        if not isinstance(value, RosettaError):
            super().log_exception(typ, value, tb)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with the problem that the error is."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, RosettaError):
            for name, value in error.headers.items():
                self.set_header(name, value)
        if status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            self.set_header("Allow", ", ".join(allowed_methods(type(self))))
        self.answer_problem(self.describe(error, status_code))

    def describe(self, error: BaseException | None, status: int) -> Problem:
        """The problem that an error is."""
        return describe_error(error, status)

    def answer_problem(self, problem: Problem) -> None:
        """How this handler tells of a refusal or a fault."""
        self.set_status(problem.status)
        self.set_header("Content-Type", MEDIA_TYPE)
        self.finish(problem.model_dump_json(exclude_none=True))

    def refuse(self, status: int, message: str) -> None:
        """Refuse the request; unlike with an error that is raised, headers are kept."""
        self.answer_problem(describe_error(web.HTTPError(status, message), status))


def allowed_methods(handler: type[web.RequestHandler]) -> list[str]:
    """The methods that a handler answers."""
    return [
        method
        for method in handler.SUPPORTED_METHODS
        if getattr(handler, method.lower()) is not getattr(web.RequestHandler, method.lower())
    ]


def _id_header() -> tuple[str, str]:
    return "X-Request-Id", request_id.get()
