"""Sessions with one storage of one user that are kept for a while, because starting costs time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from rosetta_hub.background import spawn
from rosetta_hub.files.errors import StorageUnavailable
from rosetta_hub.files.session import FilesSession

#: Sessions at once: hosts limit the channels of a connection, and processes cost memory.
LIMIT = 2
#: Seconds after which a session that nobody uses is closed.
IDLE = 60.0
#: Seconds until one of the sessions is free.
PATIENCE = 30.0


class SessionPool:
    """At most `LIMIT` sessions, which `connect` opens."""

    def __init__(self, connect: Callable[[], Awaitable[FilesSession]]) -> None:
        self._connect = connect
        self._turns = asyncio.Semaphore(LIMIT)
        self._idle: dict[FilesSession, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[FilesSession]:
        """A session that nobody else uses meanwhile.

        Raises:
            StorageUnavailable: all are in use for too long, or none can be opened.
            FilesError: the storage refuses.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                await self._turns.acquire()
        except TimeoutError as error:
            raise StorageUnavailable(
                "All connections to this storage are in use. Wait for a transfer to end."
            ) from error
        try:
            session = self._take() or await self._connect()
            try:
                yield session
            finally:
                self._give_back(session)
        finally:
            self._turns.release()

    def close(self) -> None:
        """Close what is idle now, and what is in use when it comes back."""
        self._is_closed = True
        for session in list(self._idle):
            self._expire(session)

    async def wait_closed(self) -> None:
        """Wait, after `close`, until nothing is left of the sessions that nobody uses."""
        await asyncio.gather(*self._ending)

    def _take(self) -> FilesSession | None:
        while self._idle:
            session, timer = self._idle.popitem()
            timer.cancel()
            if not session.is_closed:
                return session
        return None

    def _give_back(self, session: FilesSession) -> None:
        if self._is_closed or session.is_closed:
            self._end(session)
        else:
            loop = asyncio.get_running_loop()
            self._idle[session] = loop.call_later(IDLE, self._expire, session)

    def _expire(self, session: FilesSession) -> None:
        self._idle.pop(session).cancel()
        self._end(session)

    def _end(self, session: FilesSession) -> None:
        session.close()
        ending = spawn(session.wait_closed(), "end of a session with a storage")
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
