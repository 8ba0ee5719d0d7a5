"""Sessions that are used again: few at a time, and none that nobody needs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from rosetta_hub.background import spawn
from rosetta_hub.files.channel import StorageUnavailable
from rosetta_hub.files.session import FilesSession

# Seconds that a session is kept without use.
IDLE_TIME = 60.0

Connect = Callable[[], Awaitable[FilesSession]]


@dataclass(frozen=True)
class _Idle:
    storage: str
    session: FilesSession
    end: asyncio.TimerHandle


class SessionPool:
    """The sessions of one account for one purpose, on any of the storages that it is used for."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._places = asyncio.Semaphore(limit)
        self._idle: list[_Idle] = []
        self._used: set[FilesSession] = set()
        self._borrowers = 0
        self._ending: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @contextlib.asynccontextmanager
    async def borrow(
        self, storage: str, connect: Connect, timeout: float
    ) -> AsyncIterator[FilesSession]:
        """A session on a storage: one that is open, or what `connect` makes.

        Waits for `timeout` seconds at most while all are in use.

        Raises:
            StorageUnavailable: they were in use all the time, or the pool was closed meanwhile.
        """
        await self._wait(timeout)
        self._borrowers += 1
        try:
            session = self._take(storage) or await self._connect(connect)
            self._used.add(session)
            try:
                yield session
            finally:
                self._used.discard(session)
                self._put(storage, session)
        finally:
            self._borrowers -= 1
            self._places.release()

    def close(self) -> None:
        """Close all sessions, those in use as well."""
        self._is_closed = True
        for session in self._used:
            self._end(session)
        while self._idle:
            self._drop_oldest()

    async def wait_closed(self) -> None:
        """Wait, after `close`, until the sessions have ended."""
        await asyncio.gather(*self._ending)

    async def _wait(self, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                await self._places.acquire()
        except TimeoutError as error:
            raise StorageUnavailable(
                "All of your connections to this storage are in use. Try again later."
            ) from error

    def _take(self, storage: str) -> FilesSession | None:
        for idle in reversed(self._idle):
            if idle.storage == storage:
                self._idle.remove(idle)
                idle.end.cancel()
                if not idle.session.is_closed:
                    return idle.session
                self._end(idle.session)
        return None

    async def _connect(self, connect: Connect) -> FilesSession:
        while self._borrowers + len(self._idle) > self._limit:
            self._drop_oldest()
        session = await connect()
        if self._is_closed:
            self._end(session)
            raise StorageUnavailable("Your key or account there has just changed. Try again.")
        return session

    def _put(self, storage: str, session: FilesSession) -> None:
        if session.is_closed or self._is_closed:
            self._end(session)
            return
        loop = asyncio.get_running_loop()
        idle = _Idle(storage, session, loop.call_later(IDLE_TIME, self._expire, session))
        self._idle.append(idle)

    def _expire(self, session: FilesSession) -> None:
        self._idle = [idle for idle in self._idle if idle.session is not session]
        self._end(session)

    def _drop_oldest(self) -> None:
        idle = self._idle.pop(0)
        idle.end.cancel()
        self._end(idle.session)

    def _end(self, session: FilesSession) -> None:
        session.close()
        ending = spawn(session.wait_closed(), "end of a session with a storage")
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
