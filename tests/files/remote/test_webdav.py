"""What is special about WebDAV servers."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from rosetta_hub.errors import FilesError
from rosetta_hub.files.channel_store import open_store_channel
from rosetta_hub.files.session import FilesSession

from ..helpers import chunks, fails, read_all
from .conftest import Dav


@pytest.fixture
async def session(dav: Dav) -> AsyncIterator[FilesSession]:
    async with dav.session() as opened:
        yield opened


@pytest.mark.parametrize("name", [b"a?b", b"a;b"])
async def test_new_names_that_a_server_would_cut(
    dav: Dav, session: FilesSession, name: bytes
) -> None:
    await session.write(b"a", chunks(b"1"))
    for operation in (session.write(name, chunks(b"2")), session.part_create(name, "upload01", 9)):
        with fails("invalid"):
            await operation
    (dav.folder / "alice" / os.fsdecode(name)).write_bytes(b"3")
    assert await read_all(session, name) == b"3"
    assert await read_all(session, b"a") == b"1"


async def test_segment_that_was_cut_does_not_count(dav: Dav, session: FilesSession) -> None:
    await session.part_create(b"file", "upload01", 20)
    await session.part_write(b"file", "upload01", 0, chunks(b"0123456789"))
    folder = dav.folder / "alice" / ".upload01.rosetta-part"
    (folder / f"{10:016d}-10").write_bytes(b"012")
    assert (await session.part_stat(b"file", "upload01")).offset == 10
    with fails("changed"):
        await session.part_finish(b"file", "upload01")
    await session.part_write(b"file", "upload01", 10, chunks(b"abcdefghij"))
    (dav.folder / "alice" / "file").write_bytes(b"of somebody")
    with fails("exists"):
        await session.part_finish(b"file", "upload01")
    entry = await session.part_finish(b"file", "upload01", "rename")
    assert entry.path == b"file (1)"
    assert await read_all(session, b"file (1)") == b"0123456789abcdefghij"
    await session.part_remove(b"file", "upload01")


async def test_redirects_are_not_followed(dav: Dav) -> None:
    """The password of one server is never sent to another."""
    pieces: list[bytes] = []

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pieces.append(await reader.readuntil(b"\r\n\r\n"))
        head = f"HTTP/1.1 307 Elsewhere\r\nLocation: {dav.url}/alice/\r\nContent-Length: 0\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(redirect, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = dav.settings(url=f"http://127.0.0.1:{port}")
        session = FilesSession(await open_store_channel(settings))
        with pytest.raises(FilesError, match="redirects elsewhere"):
            await session.open(b"/alice")
        session.close()
        await session.wait_closed()
    assert len(pieces) == 1
