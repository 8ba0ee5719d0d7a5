"""Calls over HTTP that wait for their answers, and what they share with those that are awaited.

The latter are in `async_transport.py`, for importing asyncio takes long. What is sent and what
answers mean is decided in `calls.py`.
Proxies (`HTTPS_PROXY`, `NO_PROXY`) and certificates (`SSL_CERT_FILE`) are those of the environment.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx2

from rosetta_client.calls import (
    PASSING,
    Call,
    Response,
    backoff,
    read_answer,
    read_error,
    retry_delay,
    server_time,
)
from rosetta_client.config import Endpoint
from rosetta_client.errors import Unreachable
from rosetta_client.version import VERSION

T = TypeVar("T")
# Seconds: to connect, and between two pieces of an answer.
CONNECT, READ = 10.0, 60.0
ATTEMPTS = 4
TIMEOUT = httpx2.Timeout(READ, connect=CONNECT)


class Requests:
    """What both forms share: requests, and the hub's clock."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._clock_difference = 0.0

    def now(self) -> float:
        """Seconds since 1970 by the hub's clock, as far as its last answer told: this machine's
        may be wrong."""
        return time.time() + self._clock_difference

    def headers(self) -> dict[str, str]:
        """Headers of every request."""
        headers = {"User-Agent": f"rosetta/{VERSION}", "Accept-Encoding": "gzip"}
        if self.endpoint.token:
            headers["Authorization"] = f"token {self.endpoint.token}"
        return headers

    def request(self, call: Call[Any]) -> dict[str, Any]:
        """The arguments of a request for httpx2."""
        headers = dict(call.headers)
        if call.body is not None:
            headers.setdefault("Content-Type", "application/json")
        return {
            "method": call.method,
            "url": self.endpoint.api + call.path if call.path else self.endpoint.api.rstrip("/"),
            "params": call.parameters,
            "content": call.content,
            "headers": headers,
        }

    def note(self, response: Response) -> Response:
        """Learn from an answer what time it is at the hub."""
        hub_time = server_time(response)
        if hub_time is not None:
            # The header has no fractions: on average half a second more has passed.
            self._clock_difference = hub_time + 0.5 - time.time()
        return response

    def unreachable(self, error: Exception) -> Unreachable:
        """The error for a connection that failed, in words for users."""
        return Unreachable(f"{self.endpoint.hub} can't be reached: {_describe(error)}.")


class Transport(Requests):
    """Calls that wait for the answer."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self._http = httpx2.Client(headers=self.headers(), timeout=TIMEOUT)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def call(self, call: Call[T]) -> T:
        """The answer; requests that may be repeated are, a few times.

        Raises:
            ApiError: the hub refused.
            Unreachable: it did not answer.
            UnexpectedAnswer: it is no Rosetta Hub.
        """
        attempt = 0
        while True:
            response = self._attempt(call, attempt)
            if response is not None and not may_repeat(call, response.status, attempt):
                return read_answer(call, response)
            time.sleep(backoff(attempt) if response is None else retry_delay(response, attempt))
            attempt += 1

    @contextmanager
    def stream(self, call: Call[Any], **options: Any) -> Iterator[httpx2.Response]:
        """An answer whose body is read piece by piece, by whoever calls.

        Raises:
            ApiError, Unreachable, UnexpectedAnswer: as with `call`; also within the block.
        """
        try:
            with self._http.stream(**{**self.request(call), **options}) as response:
                if response.status_code >= 300:
                    response.read()
                    raise read_error(copy_response(response))
                yield response
        except httpx2.TransportError as error:
            raise self.unreachable(error) from error

    def _attempt(self, call: Call[Any], attempt: int) -> Response | None:
        """The answer; None where there is none and it may be asked for again."""
        try:
            return self.note(copy_response(self._http.request(**self.request(call))))
        except httpx2.TransportError as error:
            if may_repeat(call, None, attempt):
                return None
            raise self.unreachable(error) from error


def may_repeat(call: Call[Any], status: int | None, attempt: int) -> bool:
    """Whether a request is sent again after this status; None: no answer came."""
    if attempt + 1 >= ATTEMPTS:
        return False
    # The hub has done nothing yet where it says that it is asked too often.
    return status == 429 or (call.repeatable and (status is None or status in PASSING))


def copy_response(response: httpx2.Response) -> Response:
    """The parts of an answer that are read; its body must be there."""
    return Response(response.status_code, response.headers, response.content)


def _describe(error: Exception) -> str:
    if isinstance(error, httpx2.ConnectTimeout):
        return f"it did not answer within {CONNECT:.0f} seconds"
    if isinstance(error, httpx2.TimeoutException):
        return f"nothing came from it for {READ:.0f} seconds"
    return str(error).rstrip(".") or type(error).__name__
