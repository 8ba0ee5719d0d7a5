"""The client whose methods are awaited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from rosetta_client.async_operations import AsyncOperations
from rosetta_client.async_transport import AsyncTransport
from rosetta_client.calls import Call, ignore
from rosetta_client.config import ConfigFile, Endpoint
from rosetta_client.files import download, upload
from rosetta_client.logs import AsyncLogFollower

if TYPE_CHECKING:
    from pathlib import Path

    from rosetta_client.models import TaskView

T = TypeVar("T")


class AsyncClient(AsyncOperations):
    """The API of a hub, a coroutine each operation; otherwise as `Client`."""

    def __init__(self, endpoint: Endpoint | None = None) -> None:
        self.transport = AsyncTransport(endpoint or ConfigFile().endpoint())

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self.transport.close()

    async def call(self, call: Call[T]) -> T:
        """Send a call; see `Transport.call` for what it raises."""
        return await self.transport.call(call)

    async def iterate_tasks(self, **filters: Any) -> AsyncIterator[TaskView]:
        """See `Client.iterate_tasks`."""
        after: str | None = None
        while True:
            page = await self.list_tasks(after=after, **filters)
            for task in page.tasks:
                yield task
            after = page.next
            if after is None:
                return

    def follow_log(self, task: TaskView, say: Callable[[str], None] = ignore) -> AsyncLogFollower:
        """See `Client.follow_log`."""
        return AsyncLogFollower(self.transport, task, say)

    async def download_file(
        self, storage: str, path: str, target: Path, progress: Callable[[int], None] = ignore
    ) -> None:
        """See `Client.download_file`."""
        await download(self.transport, storage, path, target, progress)

    async def upload_file(
        self,
        source: Path,
        storage: str,
        path: str,
        progress: Callable[[int], None] = ignore,
        conflict: str = "fail",
    ) -> None:
        """See `Client.upload_file`."""
        await upload(self.transport, source, storage, path, progress, conflict)
