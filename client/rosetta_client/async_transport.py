"""Calls over HTTP that are awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx2

from rosetta_client.calls import Call, Response, backoff, read_answer, read_error, retry_delay
from rosetta_client.config import Endpoint
from rosetta_client.transport import TIMEOUT, Requests, copy_response, may_repeat

T = TypeVar("T")


class AsyncTransport(Requests):
    """Calls that are awaited; the same as `Transport`."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self._http = httpx2.AsyncClient(headers=self.headers(), timeout=TIMEOUT)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def call(self, call: Call[T]) -> T:
        """See `Transport.call`."""
        attempt = 0
        while True:
            response = await self._attempt(call, attempt)
            if response is not None and not may_repeat(call, response.status, attempt):
                return read_answer(call, response)
            delay = backoff(attempt) if response is None else retry_delay(response, attempt)
            await asyncio.sleep(delay)
            attempt += 1

    @asynccontextmanager
    async def stream(self, call: Call[Any], **options: Any) -> AsyncIterator[httpx2.Response]:
        """See `Transport.stream`."""
        try:
            async with self._http.stream(**{**self.request(call), **options}) as response:
                if response.status_code >= 300:
                    await response.aread()
                    raise read_error(copy_response(response))
                yield response
        except httpx2.TransportError as error:
            raise self.unreachable(error) from error

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def work(self, function: Callable[..., T], *arguments: Any) -> T:
        """What a function returns that blocks; it runs in a thread."""
        return await asyncio.to_thread(function, *arguments)

    async def _attempt(self, call: Call[Any], attempt: int) -> Response | None:
        try:
            return self.note(copy_response(await self._http.request(**self.request(call))))
        except httpx2.TransportError as error:
            if may_repeat(call, None, attempt):
                return None
            raise self.unreachable(error) from error
