"""What is special about S3 servers."""

import asyncio
import hashlib
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rosetta_agent.files.errors import FilesError as RefusedError
from rosetta_hub.errors import FilesError
from rosetta_hub.files.channel_store import open_store_channel
from rosetta_hub.files.remote import s3 as s3_store
from rosetta_hub.files.remote import s3_multipart
from rosetta_hub.files.remote.s3 import S3Store
from rosetta_hub.files.session import FilesSession

from ..helpers import list_names, open_session
from .conftest import S3, Dav

# Each test starts programs, beside a server.
pytestmark = pytest.mark.system

MIB = 1 << 20


@pytest.fixture
async def session(s3: S3) -> AsyncIterator[FilesSession]:
    async with s3.session() as opened:
        yield opened


async def test_folders_that_other_programs_have_made(s3: S3, session: FilesSession) -> None:
    """There is no object for a folder, and there are names that no path can have."""
    for key in ("a/b/file", "a//file", "a/../file", "c", "c/hidden"):
        s3.put(f"alice/{key}", b"1")
    assert await list_names(session) == [b"a", b"c"]
    assert await list_names(session, b"a") == [b"b"]
    assert (await session.stat(b"c")).type == "file"
    await session.remove([b"a/b/file"])
    assert (await session.stat(b"a/b")).type == "directory"
    await session.remove([b"a"])
    assert s3.names() == ["alice/c", "alice/c/hidden"]


async def test_folder_that_is_renamed(s3: S3, session: FilesSession) -> None:
    await session.mkdir(b"a/empty", parents=True)
    s3.put("alice/a/file", b"1")
    await session.rename(b"a", b"b")
    assert await list_names(session) == [b"b"]
    assert await list_names(session, b"b") == [b"empty", b"file"]


async def test_more_than_one_page(s3: S3, session: FilesSession) -> None:
    """Lists come, and keys go, by the thousand."""
    for number in range(1005):
        s3.put(f"alice/many/{number}", b"")
    s3.put("alice/many-others", b"")
    assert (await session.summary([b"many"])).files == 1005
    assert (await session.remove([b"many"])).files == 1005
    assert s3.names() == ["alice/many-others"]


async def test_file_that_changes_while_it_is_read(s3: S3, session: FilesSession) -> None:
    s3.put("alice/file", b"one")
    store = S3Store(s3.settings(), b"/alice")
    item = store.stat(b"file")
    s3.put("alice/file", b"two")
    with pytest.raises(RefusedError, match="changed meanwhile"):
        list(store.read(item, 0, 3))


async def test_segments_are_joined_by_the_server(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are too short for a part are sent with what follows."""
    sizes = [5 * MIB, 3, 6 * MIB, 5 * MIB, 1, 2]
    pieces = [os.urandom(size) for size in sizes]
    store = S3Store(s3.settings(), b"/alice")
    for number, piece in enumerate(pieces):
        store.put(b"%d" % number, piece, len(piece))
    added: list[str] = []
    for name in ("add", "add_copy"):
        method = getattr(s3_multipart.Multipart, name)

        def record(*args: object, _name: str = name, _method: object = method, **keys: str) -> None:
            added.append(_name)
            _method(*args, **keys)  # type: ignore[operator]

        monkeypatch.setattr(s3_multipart.Multipart, name, record)
    store.join([store.stat(b"%d" % number) for number in range(len(pieces))], b"whole")
    assert s3.get("alice/whole") == b"".join(pieces)
    assert added == ["add_copy", "add", "add_copy", "add"]


def test_large_objects_are_copied_in_parts(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_store, "_LARGE_COPY", 6 * MIB)
    monkeypatch.setattr(s3_multipart, "_COPIED", 5 * MIB)
    content = os.urandom(11 * MIB + 1)
    s3.put("alice/file", content)
    store = S3Store(s3.settings(), b"/alice")
    store.set_time(b"file", 1_600_000_000_000_000_123)
    for source, target in ((b"file", b"named"), (b"named", b"moved")):
        store.move(source, target, overwrite=False)
        assert store.stat(target).mtime_ns == 1_600_000_000_000_000_123
    assert s3.get("alice/moved") == content
    assert s3.names() == ["alice/moved"]


def test_write_that_is_cut_leaves_nothing(s3: S3) -> None:
    def cut() -> Iterator[bytes]:
        yield bytes(17 * MIB)
        raise RefusedError("failed", "cut")

    with pytest.raises(RefusedError, match="cut"):
        S3Store(s3.settings(), b"/alice").put(b"file", cut(), None)
    assert s3.names() == []
    assert "Uploads" not in s3.client.list_multipart_uploads(Bucket=s3.bucket)


async def test_there_and_back(s3: S3, dav: Dav, tmp_path: Path) -> None:
    """From a directory to S3, from there to WebDAV, and from there to the directory again."""
    content = os.urandom(20 * MIB)
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "file").write_bytes(content)
    async with (
        open_session(tmp_path / "disk") as disk,
        s3.session() as s3_files,
        dav.session() as dav_files,
    ):
        way = [(disk, b"file"), (s3_files, b"file"), (dav_files, b"file"), (disk, b"back")]
        for (origin, name), (target, new_name) in itertools.pairwise(way):
            await target.part_create(new_name, "upload01", len(content))
            async with origin.read(name) as reading:
                await target.part_write(new_name, "upload01", 0, reading.chunks)
            await target.part_finish(new_name, "upload01")
            expected = hashlib.sha256(content).hexdigest()
            assert await target.checksum(new_name) == expected
    assert (tmp_path / "disk" / "back").read_bytes() == content


async def test_bucket_and_key_that_do_not_exist(s3: S3) -> None:
    for key, message in (("bucket", "bucket of this storage"), ("access_key_id", "the key of")):
        session = FilesSession(await open_store_channel({**s3.settings(), key: "no-such"}))
        with pytest.raises(FilesError, match=message):
            await session.open(b"/alice")
        session.close()
        await session.wait_closed()


async def test_nothing_but_the_settings_counts(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither files of the account nor variables change where requests go, or as whom."""
    (tmp_path / ".aws").mkdir()
    for name in ("config", "credentials"):
        (tmp_path / ".aws" / name).write_text(
            "[default]\nregion = nowhere\nproxy = x\naws_access_key_id = x\n"
            "aws_secret_access_key = x\nendpoint_url = http://127.0.0.1:9\n"
        )
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_PROFILE": "no-such",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_SESSION_TOKEN": "x",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    s3.put("alice/file", b"1")
    assert S3Store(s3.settings(), b"/alice").stat(b"file").size == 1


@pytest.mark.parametrize("status", [301, 307])
async def test_redirects_are_not_followed(s3: S3, status: int) -> None:
    """The key of one server is never used at another, in another region neither."""
    pieces: list[bytes] = []

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pieces.append(await reader.readuntil(b"\r\n\r\n"))
        head = (
            f"HTTP/1.1 {status} Elsewhere\r\nLocation: {s3.url}/{s3.bucket}/\r\n"
            "x-amz-bucket-region: us-west-2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(redirect, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        session = FilesSession(await open_store_channel(s3.settings(url=url)))
        with pytest.raises(FilesError, match="redirects elsewhere"):
            await session.open(b"/alice")
        session.close()
        await session.wait_closed()
    assert pieces
