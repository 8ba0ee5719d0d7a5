"""Borrows the sessions of a copy's two ends."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Protocol

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.files.file_access import SESSIONS, Purpose
from rosetta_hub.files.session import FilesSession

# Where a storage is, and as whom: what shares its sessions.
Place = tuple[str, str]


class SessionOpener(Protocol):
    """Who opens sessions (see rosetta_hub.files.file_access)."""

    def open(
        self, user: User, storage_id: str, purpose: Purpose
    ) -> AbstractAsyncContextManager[FilesSession]:
        """A session on one of the user's storages; waits a while where all of them are in use.

        Raises:
            NotFound: the user has no such storage.
            StorageUnavailable: it does not answer, or its sessions are in use for too long.
        """

    def shared(self, user: User, storage_id: str) -> Place:
        """Where a storage is, and as whom.

        Raises:
            NotFound: the user has no such storage.
        """


class Slots:
    """Keeps copies from waiting for sessions of each other, which may take hours.

    Whoever needs sessions at two places takes them in the order of the places, and whoever needs
    two at one place is alone in that: so nobody holds what everybody else waits for.
    """

    def __init__(self) -> None:
        self._free = defaultdict[Place, asyncio.Semaphore](lambda: asyncio.Semaphore(SESSIONS))
        self._pairs = defaultdict[Place, asyncio.Lock](asyncio.Lock)

    @contextlib.asynccontextmanager
    async def take(self, *places: Place) -> AsyncIterator[None]:
        """A session at each place; two where a place is named twice."""
        async with AsyncExitStack() as sessions:
            async with AsyncExitStack() as pair:
                if len(set(places)) < len(places):
                    await pair.enter_async_context(self._pairs[places[0]])
                for place in sorted(places):
                    await sessions.enter_async_context(self._free[place])
            yield


class Lender:
    """Sessions for one copy."""

    def __init__(
        self, access: SessionOpener, user: User, source: str, target: str, slots: Slots
    ) -> None:
        self._access = access
        self._user = user
        self._source = source
        self._target = target
        self._slots = slots

    def look_at_source(self) -> AbstractAsyncContextManager[FilesSession]:
        """A session at the source for a short operation, or a walk."""
        return self._access.open(self._user, self._source, "browse")

    def look_at_target(self) -> AbstractAsyncContextManager[FilesSession]:
        """A session at the target for a short operation, or a walk."""
        return self._access.open(self._user, self._target, "browse")

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[FilesSession]:
        """A session at the target for a transfer to it."""
        async with (
            self._slots.take(self._access.shared(self._user, self._target)),
            self._access.open(self._user, self._target, "copy") as target,
        ):
            yield target

    @contextlib.asynccontextmanager
    async def transfer(self) -> AsyncIterator[tuple[FilesSession, FilesSession]]:
        """Sessions at source and target for a transfer between them."""
        places = [
            self._access.shared(self._user, storage) for storage in (self._source, self._target)
        ]
        async with (
            self._slots.take(*places),
            self._access.open(self._user, self._source, "copy") as source,
            self._access.open(self._user, self._target, "copy") as target,
        ):
            yield source, target
