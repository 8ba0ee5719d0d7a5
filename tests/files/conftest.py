"""A storage in a temporary directory, and sessions on it with every Python that is there."""

import contextlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from rosetta_hub.files.channel_local import Owner, open_local_channel
from rosetta_hub.files.session import FilesSession
from tests.agent.machine import PYTHONS

OpenSession = Callable[..., AbstractAsyncContextManager[FilesSession]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The root of the storage, with something beside it that nobody may reach."""
    path = tmp_path / "root"
    path.mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("secret")
    return path


@contextlib.asynccontextmanager
async def open_session(
    root: Path, python: str = PYTHONS[0], owner: Owner | None = None, **options: bool
) -> AsyncIterator[FilesSession]:
    """A session on a directory; it is closed, and its process has ended, afterwards."""
    session = FilesSession(await open_local_channel(owner, python))
    try:
        await session.open(os.fsencode(root), **options)
        yield session
    finally:
        session.close()
        await session.wait_closed()


@pytest.fixture(params=PYTHONS, ids=[f"python{number}" for number in range(len(PYTHONS))])
async def session(root: Path, request: pytest.FixtureRequest) -> AsyncIterator[FilesSession]:
    """A session on the storage."""
    async with open_session(root, request.param) as opened:
        yield opened


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    """What a body is made of."""
    for piece in pieces:
        yield piece


async def read_all(session: FilesSession, path: bytes, offset: int = 0) -> bytes:
    """The content of a file."""
    async with session.read(path, offset) as reading:
        return b"".join([chunk async for chunk in reading.chunks])
