"""Uploads that are being written at this moment, and those that have just been completed.

One request at a time works on an upload. A new one takes it over: the client may have lost its
connection long before this side notices.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from rosetta_hub.errors import UserError

# User, storage and id of an upload.
Key = tuple[str, str, str]

# Seconds until a request that is taken over has written what it holds.
HANDOVER = 10.0
# Completed uploads that are remembered: a client that lost the last answer asks for them.
REMEMBERED = 1000


class UploadLocked(UserError):
    """Another request works on the upload, and does not let go of it."""

    status = 423


@dataclass
class _Holder:
    interrupt: Callable[[], None]
    released: asyncio.Event = field(default_factory=asyncio.Event)


class ActiveUploads:
    """One instance a service."""

    def __init__(self) -> None:
        self._holders: dict[Key, _Holder] = {}
        self._completed: OrderedDict[Key, bytes] = OrderedDict()
        self._tasks: set[asyncio.Task[Any]] = set()

    @contextlib.asynccontextmanager
    async def hold(self, key: Key, interrupt: Callable[[], None]) -> AsyncIterator[None]:
        """Work on an upload; `interrupt` is called when another request wants it.

        Raises:
            UploadLocked: whoever works on it does not end within some seconds.
        """
        try:
            async with asyncio.timeout(HANDOVER):
                while (holder := self._holders.get(key)) is not None:
                    holder.interrupt()
                    await holder.released.wait()
        except TimeoutError as error:
            raise UploadLocked("Another request still writes to this upload. Try again.") from error
        holder = self._holders[key] = _Holder(interrupt)
        try:
            yield
        finally:
            del self._holders[key]
            holder.released.set()

    def start(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run the work on an upload, which goes on when its client goes away.

        Its error is whoever's who awaits it; nobody may.
        """
        task = asyncio.create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def complete(self, key: Key, path: bytes) -> None:
        """Remember that an upload has got its name, which is `path`."""
        self._completed[key] = path
        while len(self._completed) > REMEMBERED:
            self._completed.popitem(last=False)

    def completed(self, key: Key) -> bytes | None:
        """The path of a completed upload, as long as it is remembered."""
        return self._completed.get(key)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # Retrieved, so that it is not reported where the client has gone away.
            task.exception()
