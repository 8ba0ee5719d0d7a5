"""Sessions that are used again, with a limit for all storages of an account."""

import asyncio
import contextlib

import pytest

from rosetta_hub.files.channel import StorageUnavailable
from rosetta_hub.files.pool import SessionPool
from rosetta_hub.files.session import FilesSession

from .test_channel import FakeChannel


class Sessions:
    """Connects, and remembers all sessions."""

    def __init__(self) -> None:
        self.all: list[FilesSession] = []

    async def connect(self) -> FilesSession:
        self.all.append(FilesSession(FakeChannel()))
        return self.all[-1]

    @property
    def open(self) -> list[FilesSession]:
        return [session for session in self.all if not session.is_closed]


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()


async def use(pool: SessionPool, sessions: Sessions, storage: str = "home") -> FilesSession:
    async with pool.borrow(storage, sessions.connect, 1) as session:
        return session


async def test_unused_session_is_used_again_for_its_storage_alone(sessions: Sessions) -> None:
    pool = SessionPool(2)
    first = await use(pool, sessions)
    assert await use(pool, sessions) is first
    assert await use(pool, sessions, "scratch") is not first
    pool.close()
    assert sessions.open == []


async def test_unused_session_makes_room_for_another_storage(sessions: Sessions) -> None:
    pool = SessionPool(2)
    first = await use(pool, sessions, "a")
    for storage in ("b", "c", "b"):
        await use(pool, sessions, storage)
    assert first.is_closed
    assert len(sessions.open) == 2
    assert len(sessions.all) == 3
    pool.close()


async def test_no_more_than_the_limit_at_once(sessions: Sessions) -> None:
    pool = SessionPool(2)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(pool.borrow("home", sessions.connect, 1))
        with pytest.raises(StorageUnavailable, match="are in use"):
            await use_within(pool, sessions, 0.01)
    await use_within(pool, sessions, 1)
    assert len(sessions.all) == 2
    pool.close()


async def use_within(pool: SessionPool, sessions: Sessions, seconds: float) -> None:
    async with pool.borrow("home", sessions.connect, seconds):
        pass


async def test_session_that_has_ended_is_not_used_again(sessions: Sessions) -> None:
    pool = SessionPool(2)
    first = await use(pool, sessions)
    first.close()
    assert await use(pool, sessions) is not first
    pool.close()


async def test_failed_connection_gives_its_place_back(sessions: Sessions) -> None:
    async def fail() -> FilesSession:
        raise StorageUnavailable("no")

    pool = SessionPool(1)
    for _ in range(2):
        with pytest.raises(StorageUnavailable, match="no"):
            await pool.borrow("home", fail, 0.1).__aenter__()
    await use(pool, sessions)
    pool.close()


async def test_closed_pool_closes_what_is_in_use_and_what_is_being_opened(
    sessions: Sessions,
) -> None:
    pool, may_connect = SessionPool(2), asyncio.Event()

    async def connect_late() -> FilesSession:
        await may_connect.wait()
        return await sessions.connect()

    async with pool.borrow("home", sessions.connect, 1) as session:
        opening = asyncio.create_task(pool.borrow("home", connect_late, 1).__aenter__())
        await asyncio.sleep(0)
        pool.close()
        assert session.is_closed
        may_connect.set()
        with pytest.raises(StorageUnavailable, match="has just changed"):
            await opening
    await pool.wait_closed()
    assert sessions.open == []
