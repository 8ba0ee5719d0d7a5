"""TCP connections to tasks, each inside of a WebSocket (subprotocol `rosetta.tcp.v1`).

Binary messages are bytes; the text message `end` says that its sender has no more of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Protocol
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from rosetta_client.calls import Response, read_error
from rosetta_client.config import Endpoint
from rosetta_client.errors import ConnectionEnded, Unreachable
from rosetta_client.version import VERSION

SUBPROTOCOL = "rosetta.tcp.v1"
END = "end"
# Bytes of one message.
CHUNK = 1 << 16
# Seconds.
OPEN_TIMEOUT = 30.0
CLOSE_TIMEOUT = 5.0
# Both ends ping, so that proxies keep the connection and the system notices when it is lost. None
# of them waits for an answer: a program that does not read delays it for as long as it likes.
PING_INTERVAL = 30.0
# Bytes that wait to be sent before the program on this side has to wait.
WRITE_LIMIT = 1 << 18
DONE = 1000
# Closed by the service, with a reason that is for users.
_FIRST_REASON = 4000
# The task is over, or the user may not be there any more: the next connection would not do better.
_FINAL = (4000, 4001)


class ByteStream(Protocol):
    """The end of a connection on this machine."""

    async def read(self, size: int) -> bytes:
        """Some bytes, empty at the end."""

    async def write(self, data: bytes) -> None:
        """Pass bytes on; returns when more may come."""

    async def end(self) -> None:
        """Say that no more bytes will come."""


def connection_address(endpoint: Endpoint, task: str, port: int | None) -> str:
    """The address of the WebSocket for an interface of a task; None is its main one."""
    scheme, _, rest = endpoint.api.partition("://")
    query = "" if port is None else f"?{urlencode({'port': port})}"
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest}tasks/{task}/connection{query}"


async def open_connection(
    endpoint: Endpoint, task: str, port: int | None = None
) -> ClientConnection:
    """A connection to a task's interface, by its port in the container.

    Raises:
        ApiError: the hub refused.
        Unreachable: it did not answer.
        UnexpectedAnswer: it is no Rosetta Hub.
    """
    options: dict[str, Any] = {
        "subprotocols": [SUBPROTOCOL],
        "additional_headers": {"Authorization": f"token {endpoint.token}"},
        "user_agent_header": f"rosetta/{VERSION}",
        "compression": None,
        "open_timeout": OPEN_TIMEOUT,
        "close_timeout": CLOSE_TIMEOUT,
        "ping_interval": PING_INTERVAL,
        "ping_timeout": None,
        "write_limit": WRITE_LIMIT,
    }
    try:
        return await connect(connection_address(endpoint, task, port), **options)
    except InvalidStatus as error:
        answer = error.response
        headers = {name.lower(): value for name, value in answer.headers.raw_items()}
        raise read_error(Response(answer.status_code, headers, bytes(answer.body or b""))) from None
    except (OSError, WebSocketException) as error:
        reason = str(error).rstrip(".") or "it did not answer in time"
        raise Unreachable(f"{endpoint.hub} can't be reached: {reason}.") from error


async def carry(connection: ClientConnection, local: ByteStream) -> None:
    """Pass bytes both ways until both directions have ended, or the program here has gone.

    Raises:
        ConnectionEnded: the connection was lost, or the service has ended it.
    """
    sending = asyncio.ensure_future(_send_all(connection, local))
    try:
        await _receive_all(connection, local)
    except ConnectionClosed as error:
        raise _describe_end(connection) from error
    except OSError:
        # Whatever was connected here has gone.
        return
    finally:
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
        await connection.close()
    if connection.close_code != DONE:
        raise _describe_end(connection)


async def _send_all(connection: ClientConnection, local: ByteStream) -> None:
    try:
        while data := await local.read(CHUNK):
            await connection.send(data)
        await connection.send(END)
    except ConnectionClosed:
        # `_receive_all` is told, too.
        return
    except OSError:
        await connection.close()


async def _receive_all(connection: ClientConnection, local: ByteStream) -> None:
    async for message in connection:
        if isinstance(message, bytes):
            await local.write(message)
        elif message == END:
            await local.end()


def _describe_end(connection: ClientConnection) -> ConnectionEnded:
    code, reason = connection.close_code, connection.close_reason
    if code is not None and code >= _FIRST_REASON and reason:
        return ConnectionEnded(reason, is_final=code in _FINAL)
    return ConnectionEnded("The connection to the hub was lost: connect again.")
