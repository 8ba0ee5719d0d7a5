"""A connection to a task as the client sees it: a service that ends it in every way it can."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from rosetta_client.config import Endpoint
from rosetta_client.connection import END, SUBPROTOCOL, carry, open_connection
from rosetta_client.errors import ApiError, ApiNotFound, ConnectionEnded, Unreachable
from tests.support.ports import free_port

TASK = "0123456789ab"
# Seconds.
TIMEOUT = 20
Handler = Callable[[ServerConnection], Awaitable[None]]


class Program:
    """A program on this machine: what it says, and what it has heard."""

    def __init__(self, *text: bytes, stays: bool = False) -> None:
        self.said = [*text]
        self.stays = stays
        self.heard = b""
        self.has_end = False
        self.is_gone = False

    async def read(self, size: int) -> bytes:
        if self.said:
            return self.said.pop(0)
        if self.stays:
            await asyncio.Event().wait()
        return b""

    async def write(self, data: bytes) -> None:
        if self.is_gone:
            raise BrokenPipeError
        self.heard += data

    async def end(self) -> None:
        self.has_end = True


@asynccontextmanager
async def service(handler: Handler, refusal: Response | None = None) -> AsyncIterator[Endpoint]:
    """The service, with one way to answer."""

    def check(connection: ServerConnection, request: Request) -> Response | None:
        assert request.headers["Authorization"] == "token secret"
        assert request.path.startswith(f"/services/rosetta/api/v1/tasks/{TASK}/connection")
        return refusal

    async with serve(
        handler, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)], process_request=check
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield Endpoint(f"http://127.0.0.1:{port}/", "secret")


async def carried(endpoint: Endpoint, program: Program) -> None:
    async with asyncio.timeout(TIMEOUT):
        await carry(await open_connection(endpoint, TASK), program)


async def test_bytes_both_ways_until_both_have_ended() -> None:
    received: list[str | bytes] = []

    async def handle(connection: ServerConnection) -> None:
        received.extend([await connection.recv() for _ in range(3)])
        await connection.send(b"after the end")
        await connection.send(END)
        await connection.close()

    program = Program(b"one", b"two")
    async with service(handle) as endpoint:
        await carried(endpoint, program)
    assert received == [b"one", b"two", END]
    assert (program.heard, program.has_end) == (b"after the end", True)


@pytest.mark.parametrize(
    ("code", "reason", "message", "is_final"),
    [
        (4000, "The task has ended.", "The task has ended.", True),
        (4001, "Your session has ended: log in again.", "Your session has ended", True),
        (4002, "The connection to the task was lost.", "to the task was lost", False),
        # What a proxy says is not for users.
        (1001, "going away", "The connection to the hub was lost: connect again.", False),
        (1011, "", "The connection to the hub was lost: connect again.", False),
    ],
)
async def test_why_it_has_ended(code: int, reason: str, message: str, is_final: bool) -> None:
    async def handle(connection: ServerConnection) -> None:
        await connection.close(code, reason)

    async with service(handle) as endpoint:
        with pytest.raises(ConnectionEnded, match=message) as error:
            await carried(endpoint, Program(stays=True))
    assert error.value.is_final is is_final


async def test_a_connection_that_is_cut() -> None:
    async def handle(connection: ServerConnection) -> None:
        connection.transport.abort()

    async with service(handle) as endpoint:
        with pytest.raises(ConnectionEnded, match="to the hub was lost") as error:
            await carried(endpoint, Program(stays=True))
    assert not error.value.is_final


async def test_a_program_that_goes_away_ends_it() -> None:
    closed = asyncio.Event()

    async def handle(connection: ServerConnection) -> None:
        try:
            while True:
                await connection.send(b"x")
                await asyncio.sleep(0)
        except ConnectionClosed:
            closed.set()

    program = Program(stays=True)
    program.is_gone = True
    async with service(handle) as endpoint:
        await carried(endpoint, program)
        async with asyncio.timeout(TIMEOUT):
            await closed.wait()


async def never(_: ServerConnection) -> None:
    raise AssertionError


@pytest.mark.parametrize(("status", "error"), [(404, ApiNotFound), (409, ApiError)])
async def test_what_the_service_refuses(status: int, error: type[ApiError]) -> None:
    problem = {"status": status, "title": "No", "detail": "This task is not ready."}
    headers = Headers({"Content-Type": "application/problem+json"})
    answer = Response(status, HTTPStatus(status).phrase, headers, json.dumps(problem).encode())
    async with service(never, answer) as endpoint:
        with pytest.raises(error, match=r"This task is not ready\."):
            await open_connection(endpoint, TASK)


async def test_nobody_answers() -> None:
    endpoint = Endpoint(f"http://127.0.0.1:{free_port()}/", "secret")
    with pytest.raises(Unreachable, match="can't be reached"):
        await open_connection(endpoint, TASK)
