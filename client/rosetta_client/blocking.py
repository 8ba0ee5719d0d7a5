"""Coroutines without an event loop, for the client that waits.

Its channel blocks and never suspends, so a coroutine over it comes to its end in one step. The
import of asyncio alone would take longer than many a command.
"""

from __future__ import annotations

import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Mapping,
)
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from rosetta_client.calls import Call
from rosetta_client.channel import Answer

if TYPE_CHECKING:
    import httpx2

    from rosetta_client.transport import Transport

T = TypeVar("T")


class BlockingChannel:
    """The `Channel` of a transport that waits for its answers."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def call(self, call: Call[T]) -> T:
        """See `Transport.call`."""
        return self._transport.call(call)

    @asynccontextmanager
    async def stream(self, call: Call[Any], **options: Any) -> AsyncIterator[Answer]:
        """See `Transport.stream`."""
        with self._transport.stream(call, **options) as response:
            yield _BlockingAnswer(response)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)  # noqa: ASYNC251 - there is no event loop that it would hold up

    async def work(self, function: Callable[..., T], *arguments: Any) -> T:
        """What the function returns."""
        return function(*arguments)


class _BlockingAnswer:
    """An answer of httpx2's client that waits, read as one of the other client."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response

    @property
    def status_code(self) -> int:
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    async def aread(self) -> bytes:
        return self._response.read()

    async def aiter_raw(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        for piece in self._response.iter_raw(chunk_size):
            yield piece


def run(coroutine: Awaitable[T]) -> T:
    """What a coroutine over a `BlockingChannel` returns.

    Raises:
        RuntimeError: it waits for something else than the channel.
    """
    steps = coroutine.__await__()
    try:
        next(steps)
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError("The coroutine waits for an event loop.")


def iterate(items: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    """The items of an asynchronous generator over a `BlockingChannel`."""
    try:
        while True:
            try:
                item = run(items.__anext__())
            except StopAsyncIteration:
                return
            yield item
    finally:
        run(items.aclose())
