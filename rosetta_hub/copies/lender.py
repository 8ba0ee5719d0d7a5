"""Borrows the sessions of a copy's two ends."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Literal, Protocol

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.files.session import FilesSession


class Access(Protocol):
    """Who opens sessions (see rosetta_hub.files.access)."""

    def open(
        self, user: User, storage_id: str, purpose: Literal["browse", "transfer"]
    ) -> AbstractAsyncContextManager[FilesSession]:
        """A session on one of the user's storages; waits while all of them are in use.

        Raises:
            NotFound: the user has no such storage.
            StorageUnavailable: it does not answer.
        """


class Lender:
    """Sessions for one copy.

    Sessions are few, and two copies in opposite directions could each hold what the other one
    waits for. So whoever needs two takes them under a lock, which all copies share.
    """

    def __init__(
        self, access: Access, user: User, source: str, target: str, lock: asyncio.Lock
    ) -> None:
        self._access = access
        self._user = user
        self._source = source
        self._target = target
        self._lock = lock

    def source(self) -> AbstractAsyncContextManager[FilesSession]:
        """A session at the source."""
        return self._access.open(self._user, self._source, "transfer")

    def target(self) -> AbstractAsyncContextManager[FilesSession]:
        """A session at the target."""
        return self._access.open(self._user, self._target, "transfer")

    @contextlib.asynccontextmanager
    async def both(self) -> AsyncIterator[tuple[FilesSession, FilesSession]]:
        """A session at each end."""
        async with AsyncExitStack() as stack:
            async with self._lock:
                source = await stack.enter_async_context(self.source())
                target = await stack.enter_async_context(self.target())
            yield source, target
