"""Sessions on directories, and short ways to use them."""

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rosetta_hub.errors import FilesError
from rosetta_hub.files.channel_local import ProgramOwner, open_local_channel
from rosetta_hub.files.entries import ListOptions
from rosetta_hub.files.session import FilesSession
from tests.agent.machine import PYTHONS


@contextlib.asynccontextmanager
async def open_session(
    root: Path, python: str = PYTHONS[0], owner: ProgramOwner | None = None, **options: bool
) -> AsyncIterator[FilesSession]:
    """A session on a directory; it is closed, and its process has ended, afterwards."""
    session = FilesSession(await open_local_channel(owner, python))
    try:
        await session.open(os.fsencode(root), **options)
        yield session
    finally:
        session.close()
        await session.wait_closed()


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    """What a body is made of."""
    for piece in pieces:
        yield piece


async def read_all(session: FilesSession, path: bytes, offset: int = 0) -> bytes:
    """The content of a file."""
    async with session.read(path, offset) as reading:
        return b"".join([chunk async for chunk in reading.chunks])


async def list_names(
    session: FilesSession, path: bytes = b"", options: ListOptions | None = None
) -> list[bytes]:
    """The names of a page of a directory."""
    listing = await session.list(path, options or ListOptions())
    return [entry.name for entry in listing.entries]


def fails(code: str) -> pytest.RaisesExc[FilesError]:
    """An operation of which the storage says that it can't be."""
    return pytest.raises(FilesError, check=lambda error: error.code == code)


def left_over(folder: Path) -> list[str]:
    """Names of what stays beside files only when something goes wrong."""
    return [path.name for path in folder.rglob("*") if "rosetta-part" in path.name]
