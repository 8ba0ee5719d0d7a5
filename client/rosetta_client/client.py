"""The client whose methods wait for their answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from rosetta_client.calls import Call, ignore
from rosetta_client.config import ConfigFile, Endpoint
from rosetta_client.operations import Operations
from rosetta_client.transport import Transport

if TYPE_CHECKING:
    from pathlib import Path

    from rosetta_client.logs import LogFollower
    from rosetta_client.models import TaskView

T = TypeVar("T")


class Client(Operations):
    """The API of a hub, a method each operation.

    Without an endpoint, that of the environment (`ROSETTA_HUB`, `ROSETTA_TOKEN`) or of
    `rosetta login`.

    Raises:
        ConfigError: there is none.
    """

    def __init__(self, endpoint: Endpoint | None = None) -> None:
        self.transport = Transport(endpoint or ConfigFile().endpoint())

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self.transport.close()

    def call(self, call: Call[T]) -> T:
        """Send a call; see `Transport.call` for what it raises."""
        return self.transport.call(call)

    def iterate_tasks(self, **filters: Any) -> Iterator[TaskView]:
        """All tasks that the user sees, newest first; `filters` are those of `list_tasks`.

        A page of them is fetched when it is needed, and only that page is kept.
        """
        after: str | None = None
        while True:
            page = self.list_tasks(after=after, **filters)
            yield from page.tasks
            after = page.next
            if after is None:
                return

    def follow_log(self, task: TaskView, say: Callable[[str], None] = ignore) -> LogFollower:
        """What follows the log of a task; `say` is told when a connection is lost or back."""
        from rosetta_client.logs import LogFollower

        return LogFollower(self.transport, task, say)

    def download_file(
        self, storage: str, path: str, target: Path, progress: Callable[[int], None] = ignore
    ) -> None:
        """Fetch a file of a storage; see `rosetta_client.files.download`."""
        from rosetta_client.blocking import BlockingChannel, run
        from rosetta_client.files import download

        run(download(BlockingChannel(self.transport), storage, path, target, progress))

    def upload_file(
        self,
        source: Path,
        storage: str,
        path: str,
        progress: Callable[[int], None] = ignore,
        conflict: str = "fail",
    ) -> None:
        """Send a file to a storage; see `rosetta_client.files.upload`."""
        from rosetta_client.blocking import BlockingChannel, run
        from rosetta_client.files import upload

        run(upload(BlockingChannel(self.transport), source, storage, path, progress, conflict))
