"""Files on a real WebDAV server, through the program and the session that the service uses."""

import asyncio
import hashlib
import os
import socket
from pathlib import Path

import pytest

from rosetta_agent.files.frames import NEW
from rosetta_hub.files.channel_store import open_store_channel
from rosetta_hub.files.entries import ListOptions
from rosetta_hub.files.errors import FilesError, StorageUnavailable
from rosetta_hub.files.session import FilesSession

from ..helpers import chunks, fails, left_over, list_names, read_all
from .conftest import Dav

NAMES = [b"plain", b"a b", b"100%41", b"ab#c&d", "käse ☃".encode(), b"'\"<x>", b"-rf", b"..."]
LARGE = 20 << 20


async def test_write_list_read(dav: Dav, session: FilesSession) -> None:
    entry = await session.write(
        b"file", chunks(b"hel", b"lo"), NEW, mtime_ns=1_600_000_000_000_000_123
    )
    assert (dav.folder / "alice" / "file").read_bytes() == b"hello"
    assert (entry.size, entry.type, entry.mtime_ns) == (5, "file", 1_600_000_000_000_000_123)
    assert await read_all(session, b"file") == b"hello"
    assert await read_all(session, b"file", 2) == b"llo"
    async with session.read(b"file", 1, 2, entry.etag) as reading:
        assert b"".join([chunk async for chunk in reading.chunks]) == b"el"
    assert await session.checksum(b"file") == hashlib.sha256(b"hello").hexdigest()
    assert left_over(dav.folder) == []


@pytest.mark.parametrize("name", NAMES)
async def test_odd_names(dav: Dav, session: FilesSession, name: bytes) -> None:
    await session.write(name, chunks(name))
    await session.rename(name, name + b"2")
    assert await read_all(session, name + b"2") == name
    assert await list_names(session, options=ListOptions(hidden=True)) == [name + b"2"]
    assert (Path(os.fsdecode(os.fsencode(dav.folder / "alice") + b"/" + name + b"2"))).exists()
    await session.remove([name + b"2"])
    assert list((dav.folder / "alice").iterdir()) == []


@pytest.mark.parametrize("path", [b"../bob/file", b"..\\bob\\file", b"a\nb", b"\xff", b"/etc"])
async def test_paths_that_never_reach_the_server(session: FilesSession, path: bytes) -> None:
    for operation in (session.stat(path), session.write(path, chunks(b"x"))):
        with fails("invalid"):
            await operation
    assert (await session.stat(b"")).type == "directory"


async def test_another_user_is_not_reached(dav: Dav, session: FilesSession) -> None:
    (dav.folder / "bob" / "secret").write_bytes(b"of bob")
    for path in (b"%2e%2e/bob/secret", b"bob/secret", b"..%2fbob%2fsecret"):
        with fails("not_found"):
            await read_all(session, path)
    entries = [entry.path async for entry in session.walk([b""])]
    assert entries == [b""]


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


async def test_conditional_writes(dav: Dav, session: FilesSession) -> None:
    first = await session.write(b"file", chunks(b"one"), NEW)
    with fails("exists"):
        await session.write(b"file", chunks(b"two"), NEW)
    second = await session.write(b"file", chunks(b"three"), first.etag)
    with fails("changed"):
        await session.write(b"file", chunks(b"four"), first.etag)
    with pytest.raises(FilesError, check=lambda error: error.code == "changed"):
        async with session.read(b"file", etag=first.etag):
            pass
    assert await read_all(session, b"file") == b"three"
    assert second.etag != first.etag
    assert left_over(dav.folder) == []


async def test_folders_and_trees(session: FilesSession) -> None:
    await session.mkdir(b"a/b", parents=True)
    with fails("exists"):
        await session.mkdir(b"a")
    with fails("not_found"):
        await session.write(b"x/y", chunks(b"1"))
    for path, content in ((b"a/one", b"1"), (b"a/b/two", b"22")):
        await session.write(path, chunks(content))
    assert [one.path async for one in session.walk([b"a"])] == [b"a", b"a/b", b"a/b/two", b"a/one"]
    found = await session.summary([b"a"])
    assert (found.files, found.folders, found.bytes) == (2, 2, 3)
    copied = await session.copy(b"a", b"c")
    assert copied.summary.bytes == 3
    assert await read_all(session, b"c/b/two") == b"22"
    with fails("exists"):
        await session.copy(b"a", b"c")
    with fails("invalid"):
        await session.rename(b"a", b"a/b/c")
    with fails("is_directory"):
        await session.rename(b"a/one", b"c", overwrite=True)
    await session.remove([b"a"])
    assert await list_names(session) == [b"c"]


async def test_order_and_pages(session: FilesSession) -> None:
    for name, size in ((b"b", 3), (b"A", 1), (b".c", 2), (b"d", 2)):
        await session.write(name, chunks(bytes(size)))
    await session.mkdir(b"z")
    assert await list_names(session) == [b"z", b"A", b"b", b"d"]
    by_size = ListOptions(sort="size", reverse=True, hidden=True, offset=1, limit=2)
    assert await list_names(session, options=by_size) == [b"b", b"d"]
    found = await session.list(b"", ListOptions(filter="a"))
    assert ([one.name for one in found.entries], found.total) == ([b"A"], 1)


async def test_what_a_store_has_not(session: FilesSession) -> None:
    await session.write(b"file", chunks(b"1"))
    for operation in (session.chmod(b"file", 0o600), session.link(b"link", b"file")):
        with fails("invalid"):
            await operation


async def test_upload_in_pieces(dav: Dav, session: FilesSession) -> None:
    """Segments of odd lengths, the last one dropped and sent again, by another session."""
    content = os.urandom(LARGE)
    await session.part_create(b"large", "upload01", LARGE, 1_600_000_000_000_000_000)
    part = await session.part_write(b"large", "upload01", 0, chunks(content[:100]))
    assert part.offset == 100
    with fails("changed"):
        await session.part_write(b"large", "upload01", 99, chunks(b"x"))
    part = await session.part_write(b"large", "upload01", 100, chunks(content[100 : LARGE - 5]))
    assert (await session.part_truncate(b"large", "upload01", 9 << 20)).offset == 9 << 20
    assert await list_names(session, options=ListOptions(hidden=True)) == []
    async with dav.session() as other:
        part = await other.part_stat(b"large", "upload01")
        rest = content[part.offset :]
        await other.part_write(b"large", "upload01", part.offset, chunks(rest))
        sent = await other.checksum(b".upload01.rosetta-part")
        assert sent == hashlib.sha256(content).hexdigest()
        entry = await other.part_finish(b"large", "upload01")
    assert entry.mtime_ns == 1_600_000_000_000_000_000
    assert (dav.folder / "alice" / "large").read_bytes() == content
    assert left_over(dav.folder) == []


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


async def test_read_only(dav: Dav) -> None:
    async with dav.session(read_only=True) as session:
        with fails("read_only"):
            await session.mkdir(b"a")


async def test_root_that_is_made(dav: Dav) -> None:
    with fails("not_found"):
        async with dav.session(b"/carol"):
            pass
    async with dav.session(b"/carol", create=True) as session:
        assert await list_names(session) == []


async def test_wrong_password(dav: Dav) -> None:
    with pytest.raises(FilesError, match="does not accept the password"):
        async with dav.session(password="wrong"):
            pass


async def test_password_is_in_no_argument_and_no_variable(dav: Dav) -> None:
    channel = await open_store_channel(dav.settings())
    try:
        for name in ("cmdline", "environ"):
            assert b"horse" not in Path(f"/proc/{channel.pid}/{name}").read_bytes()
    finally:
        channel.close()
        await channel.wait_closed()


async def test_server_that_is_away(dav: Dav) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings = {**dav.settings(), "url": f"http://127.0.0.1:{port}"}
    session = FilesSession(await open_store_channel(settings))
    with pytest.raises(StorageUnavailable, match="can't be reached"):
        await session.open(b"/alice")
    await session.wait_closed()


async def test_server_that_does_not_answer(dav: Dav) -> None:
    """It accepts the connection, and no more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = {**dav.settings(), "url": f"http://127.0.0.1:{listener.getsockname()[1]}"}
        session = FilesSession(await open_store_channel(settings), answer_timeout=30)
        with pytest.raises(StorageUnavailable, match="does not answer"):
            await session.open(b"/alice")
        await session.wait_closed()


async def test_redirects_are_not_followed(dav: Dav) -> None:
    """The password of one server is never sent to another."""
    asked: list[bytes] = []

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        head = f"HTTP/1.1 307 Elsewhere\r\nLocation: {dav.url}/alice/\r\nContent-Length: 0\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(redirect, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = {**dav.settings(), "url": f"http://127.0.0.1:{port}"}
        session = FilesSession(await open_store_channel(settings))
        with pytest.raises(FilesError, match="redirects elsewhere"):
            await session.open(b"/alice")
        session.close()
        await session.wait_closed()
    assert len(asked) == 1
