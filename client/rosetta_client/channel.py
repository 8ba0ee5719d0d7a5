"""What code that is written once for both clients needs of a client.

Following logs and sending files are coroutines over a `Channel`. That of `AsyncClient` is its
transport; that of `Client` blocks instead of suspending (`blocking.py`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol, TypeVar

from rosetta_client.calls import Call

T = TypeVar("T")


class Answer(Protocol):
    """An answer whose body is read piece by piece, as those of httpx2 are."""

    @property
    def status_code(self) -> int:
        """The status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers."""

    async def aread(self) -> bytes:
        """The whole body."""

    def aiter_raw(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        """The body as it comes."""


class Channel(Protocol):
    """Calls of the API, and what takes time besides."""

    async def call(self, call: Call[T]) -> T:
        """See `Transport.call`."""

    def stream(self, call: Call[Any], **options: Any) -> AbstractAsyncContextManager[Answer]:
        """See `Transport.stream`."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    async def work(self, function: Callable[..., T], *arguments: Any) -> T:
        """What a function returns that blocks, such as one that reads a file."""


@asynccontextmanager
async def closing(items: AsyncGenerator[T, None]) -> AsyncIterator[AsyncGenerator[T, None]]:
    """The items, whose generator is closed at the end (`contextlib.aclosing` of Python 3.10)."""
    try:
        yield items
    finally:
        await items.aclose()
