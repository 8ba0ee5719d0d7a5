"""The service's interface for spawners: the one place where HTTP errors become ours."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tornado.httpclient import HTTPError, HTTPRequest, HTTPResponse
from tornado.httputil import HTTPInputError
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from rosetta_hub.errors import Unavailable

# Requests at the same time; Tornado's default of 10 would queue the polls of a busy hub.
_CONNECTIONS = 100


class RequestRefused(Exception):
    """The service understood and said no; the message is its message, `status` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class AnswerLost(Unavailable):
    """The request may have reached the service: whether it did what was asked is unknown."""


@dataclass(frozen=True)
class Record:
    """What the service knows of a named server: `state` is one of the task states."""

    id: str
    state: str

    @property
    def exit_status(self) -> int | None:
        """As `Spawner.poll` has it: None while active, 0 for stopped, 1 for failed."""
        return {"stopped": 0, "failed": 1}.get(self.state)


class _Connections(SimpleAsyncHTTPClient):
    """A client of our own, one an event loop: the hub's own requests never wait behind ours."""


class ServiceClient:
    """Calls for one named server of one user. No call waits longer than its `timeout` (seconds).

    Raises (every call):
        Refused: the service answered that the request is at fault.
        AnswerLost: it was asked, but what it answered is not known.
        Unavailable: it could not be asked.
    """

    def __init__(self, prefix: str, key: str, user: str, server: str) -> None:
        """`prefix` is the service's address with its path, `key` the spawners' key."""
        path = f"hub/tasks/{quote(user, safe='')}/{quote(server, safe='')}"
        self._url = f"{prefix.rstrip('/')}/{path}"
        self._key = key

    def __repr__(self) -> str:
        return f"ServiceClient({self._url!r})"

    async def start(self, request: dict[str, Any], timeout: float) -> Record:
        """Have the server run as a task with these options."""
        return _record(await self._call("PUT", self._url, timeout, request))

    async def record(self, timeout: float) -> Record | None:
        """What the service knows; None only when it answered that it knows no such server."""
        try:
            return _record(await self._call("GET", self._url, timeout))
        except RequestRefused as refused:
            if refused.status == 404:
                return None
            raise

    async def stop(self, timeout: float) -> Record | None:
        """Ask for the end, and wait for it as long as the service holds the answer back."""
        try:
            return _record(await self._call("POST", f"{self._url}/stop", timeout, {}))
        except RequestRefused as refused:
            if refused.status == 404:
                return None
            raise

    async def forget(self, timeout: float) -> None:
        """Remove the record of a server that is deleted; it is no error when there is none."""
        try:
            await self._call("DELETE", self._url, timeout)
        except RequestRefused as refused:
            if refused.status != 404:
                raise

    async def _call(
        self, method: str, url: str, timeout: float, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        return await _call(self._key, method, url, timeout, body)


class ActiveTasks:
    """The active tasks of all users, asked for once for all servers that are polled.

    The hub polls each server on its own, every few seconds: with 1,000 servers these would be 100
    requests a second. An answer counts for all that come soon after it, and pollers that come
    while one is on its way wait for it.
    """

    def __init__(self, prefix: str, key: str) -> None:
        """`prefix` is the service's address with its path, `key` the spawners' key."""
        self._url = f"{prefix.rstrip('/')}/hub/tasks"
        self._key = key
        self._query: asyncio.Task[dict[tuple[str, str], Record]] | None = None
        self._asked = 0.0

    async def find(self, user: str, server: str, timeout: float, max_age: float) -> Record | None:
        """What the service knows of an active server; None where it was not active when asked.

        `max_age`: seconds for which an answer counts.

        Raises:
            Refused, AnswerLost, Unavailable: see `ServiceClient`.
        """
        if self._query is None or self._is_old(self._query, max_age):
            self._asked = time.monotonic()
            self._query = asyncio.create_task(self._ask(timeout), name="ask for active tasks")
        # One poller that is cancelled must not end the query of the others.
        return (await asyncio.shield(self._query)).get((user, server))

    def _is_old(self, query: "asyncio.Task[Any]", max_age: float) -> bool:
        if not query.done():
            return False
        failed = query.cancelled() or query.exception() is not None
        return failed or time.monotonic() - self._asked > max_age

    async def _ask(self, timeout: float) -> dict[tuple[str, str], Record]:
        body = await _call(self._key, "GET", self._url, timeout)
        try:
            return {(task["user"], task["server_name"]): _record(task) for task in body["tasks"]}
        except (KeyError, TypeError) as exc:
            raise AnswerLost("The task service gave an answer that has no tasks.") from exc


class SoftwareClient:
    """What the form asks for one user, who may have added software that the hub does not know.

    Raises (every call):
        RequestRefused, AnswerLost, Unavailable: see `ServiceClient`.
    """

    def __init__(self, prefix: str, key: str, user: str) -> None:
        """`prefix` is the service's address with its path, `key` the spawners' key."""
        self._url = f"{prefix.rstrip('/')}/hub/software/{quote(user, safe='')}"
        self._key = key

    def __repr__(self) -> str:
        return f"SoftwareClient({self._url!r})"

    async def families(self, request: dict[str, Any], timeout: float) -> list[dict[str, Any]]:
        """The families of the user; `request` is what the hub knows of the user."""
        body = await _call(self._key, "PUT", self._url, timeout, request)
        families = body.get("software")
        if not isinstance(families, list):
            raise AnswerLost("The task service gave an answer that has no software.")
        return families

    async def check(self, request: dict[str, Any], timeout: float) -> None:
        """See whether a task with the `options` of the request may start."""
        await _call(self._key, "POST", self._url, timeout, request)


async def _call(
    key: str, method: str, url: str, timeout: float, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    request = HTTPRequest(
        url,
        method,
        headers={"Authorization": f"Rosetta-Hub {key}"},
        body=None if body is None else json.dumps(body),
        connect_timeout=timeout,
        request_timeout=timeout,
        follow_redirects=False,
    )
    try:
        response = await _Connections(max_clients=_CONNECTIONS).fetch(request, raise_error=False)
    except ConnectionRefusedError as exc:
        raise Unavailable("The task service does not run.") from exc
    except (HTTPError, HTTPInputError, OSError) as exc:
        raise AnswerLost(f"The task service did not answer: {exc}.") from exc
    return _answer(response)


def _answer(response: HTTPResponse) -> dict[str, Any]:
    """The JSON object of an answer.

    An error without a message is not the service's: something in between has answered.
    """
    try:
        body = json.loads(response.body)
    except ValueError:
        body = None
    if not isinstance(body, dict) or (response.code >= 300 and "detail" not in body):
        raise AnswerLost(f"The task service answered with status {response.code}.")
    if response.code >= 300:
        raise RequestRefused(response.code, str(body["detail"]))
    return body


def _record(body: dict[str, Any]) -> Record:
    return Record(str(body.get("id", "")), str(body.get("state", "")))
