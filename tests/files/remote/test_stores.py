"""Files on a WebDAV and an S3 server, through the program and the session of the service."""

import hashlib
import io
import os
import socket
import tarfile
import zipfile
from pathlib import Path

import pytest

from rosetta_agent.files.frames import NEW
from rosetta_hub.errors import FilesError
from rosetta_hub.files.channel import StorageUnavailable
from rosetta_hub.files.channel_store import open_store_channel
from rosetta_hub.files.entries import ArchiveFormat, ListOptions
from rosetta_hub.files.session import FilesSession

from ..helpers import chunks, fails, list_names, read_all
from .conftest import Server

# Each test starts programs, beside a server.
pytestmark = pytest.mark.system

NAMES = [b"plain", b"a b", b"100%41", b"ab#c&d", "käse ☃".encode(), b"'\"<x>", b"-rf", b"..."]
LARGE = 20 << 20


def left_over(server: Server) -> list[str]:
    """What stays beside files only when something goes wrong."""
    return [name for name in server.names() if "rosetta-part" in name]


async def test_write_list_read(server: Server, session: FilesSession) -> None:
    entry = await session.write(
        b"file", chunks(b"hel", b"lo"), NEW, mtime_ns=1_600_000_000_000_000_123
    )
    assert server.get("alice/file") == b"hello"
    assert (entry.size, entry.type, entry.mtime_ns) == (5, "file", 1_600_000_000_000_000_123)
    walked = [item async for item in session.walk([b""])]
    assert (walked[1].path, walked[1].mtime_ns) == (b"file", entry.mtime_ns)
    assert await read_all(session, b"file") == b"hello"
    assert await read_all(session, b"file", 2) == b"llo"
    async with session.read(b"file", 1, 2, entry.etag) as reading:
        assert b"".join([chunk async for chunk in reading.chunks]) == b"el"
    assert await session.checksum(b"file") == hashlib.sha256(b"hello").hexdigest()
    assert left_over(server) == []


@pytest.mark.parametrize("name", NAMES)
async def test_odd_names(server: Server, session: FilesSession, name: bytes) -> None:
    await session.write(name, chunks(name))
    await session.rename(name, name + b"2")
    assert await read_all(session, name + b"2") == name
    assert await list_names(session, options=ListOptions(hidden=True)) == [name + b"2"]
    assert server.names() == [f"alice/{name.decode()}2"]
    await session.remove([name + b"2"])
    assert server.names() == []


@pytest.mark.parametrize("path", [b"../bob/file", b"..\\bob\\file", b"a\nb", b"\xff", b"/etc"])
async def test_paths_that_never_reach_the_server(session: FilesSession, path: bytes) -> None:
    for operation in (session.stat(path), session.write(path, chunks(b"x"))):
        with fails("invalid"):
            await operation
    assert (await session.stat(b"")).type == "directory"


async def test_another_user_is_not_reached(server: Server, session: FilesSession) -> None:
    server.put("bob/secret", b"of bob")
    for path in (b"%2e%2e/bob/secret", b"bob/secret", b"..%2fbob%2fsecret"):
        with fails("not_found"):
            await read_all(session, path)
    entries = [entry.path async for entry in session.walk([b""])]
    assert entries == [b""]


async def test_conditional_writes(server: Server, session: FilesSession) -> None:
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
    assert left_over(server) == []


async def test_folders_and_trees(session: FilesSession) -> None:
    await session.mkdir(b"a/b", parents=True)
    with fails("exists"):
        await session.mkdir(b"a")
    with fails("not_found"):
        await session.write(b"x/y", chunks(b"1"))
    for path, content in ((b"a/one", b"1"), (b"a/b/two", b"22")):
        await session.write(path, chunks(content))
    assert [item.path async for item in session.walk([b"a"])] == [
        b"a",
        b"a/b",
        b"a/b/two",
        b"a/one",
    ]
    summary = await session.summary([b"a"])
    assert (summary.files, summary.folders, summary.bytes) == (2, 2, 3)
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
    result = await session.list(b"", ListOptions(filter="a"))
    assert ([entry.name for entry in result.entries], result.total) == ([b"A"], 1)


async def test_what_a_store_has_not(session: FilesSession) -> None:
    await session.write(b"file", chunks(b"1"))
    for operation in (session.chmod(b"file", 0o600), session.link(b"link", b"file")):
        with fails("invalid"):
            await operation


async def test_upload_in_pieces(server: Server, session: FilesSession) -> None:
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
    async with server.session() as other:
        part = await other.part_stat(b"large", "upload01")
        rest = content[part.offset :]
        await other.part_write(b"large", "upload01", part.offset, chunks(rest))
        result = await other.checksum(b".upload01.rosetta-part")
        assert result == hashlib.sha256(content).hexdigest()
        entry = await other.part_finish(b"large", "upload01")
    assert entry.mtime_ns == 1_600_000_000_000_000_000
    assert server.get("alice/large") == content
    assert left_over(server) == []


async def test_uploads_that_go_on_are_not_swept(server: Server, session: FilesSession) -> None:
    """Each program sweeps a folder at the first upload to it."""
    await session.part_create(b"one", "upload01", 5)
    async with server.session() as other:
        await other.part_create(b"two", "upload02", 5)
    assert (await session.part_write(b"one", "upload01", 0, chunks(b"12345"))).offset == 5


@pytest.mark.parametrize("kind", ["tar", "zip"])
async def test_archives(server: Server, session: FilesSession, kind: ArchiveFormat) -> None:
    large = os.urandom(3 << 20)
    await session.mkdir(b"folder/empty", parents=True)
    await session.write(b"folder/large", chunks(large))
    await session.write("folder/käse".encode(), chunks(b"1"))
    server.put("alice/alone", b"alone")
    content = b"".join([item async for item in session.archive([b"folder", b"alone"], kind)])
    result = unpack_tar(content) if kind == "tar" else unpack_zip(content)
    assert result == {
        "folder": None,
        "folder/empty": None,
        "folder/large": large,
        "folder/käse": b"1",
        "alone": b"alone",
    }
    # The session goes on.
    assert (await session.stat(b"alone")).size == 5


def unpack_tar(content: bytes) -> dict[str, bytes | None]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        files = ((member.name, archive.extractfile(member)) for member in archive)
        return {name: file.read() if file else None for name, file in files}


def unpack_zip(content: bytes) -> dict[str, bytes | None]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        files = archive.infolist()
        return {
            file.filename.rstrip("/"): None if file.is_dir() else archive.read(file)
            for file in files
        }


async def test_read_only(server: Server) -> None:
    async with server.session(read_only=True) as session:
        with fails("read_only"):
            await session.mkdir(b"a")


async def test_root_that_is_made(server: Server) -> None:
    with fails("not_found"):
        async with server.session(b"/carol"):
            pass
    async with server.session(b"/carol", create=True) as session:
        assert await list_names(session) == []


async def test_wrong_password(server: Server) -> None:
    with pytest.raises(FilesError, match=r"does not accept the (password|key)"):
        async with server.session(password="wrong"):
            pass


async def test_password_is_in_no_argument_and_no_variable(server: Server) -> None:
    channel = await open_store_channel(server.settings())
    try:
        for name in ("cmdline", "environ"):
            assert b"horse" not in Path(f"/proc/{channel.pid}/{name}").read_bytes()
    finally:
        channel.close()
        await channel.wait_closed()


async def test_server_that_is_away(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings = server.settings(url=f"http://127.0.0.1:{port}")
    session = FilesSession(await open_store_channel(settings))
    with pytest.raises(StorageUnavailable, match="can't be reached"):
        await session.open(b"/alice")
    await session.wait_closed()


async def test_server_that_does_not_answer(server: Server) -> None:
    """It accepts the connection, and no more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = server.settings(url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        session = FilesSession(await open_store_channel(settings), answer_timeout=30)
        with pytest.raises(StorageUnavailable, match="does not answer"):
            await session.open(b"/alice")
        await session.wait_closed()
