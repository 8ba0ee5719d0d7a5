"""What copies keep of files: times, permissions, links; and walks that go on after errors."""

import os
import stat
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from rosetta_hub.errors import FilesError
from rosetta_hub.files.session import FilesSession

OLD = 1_600_000_000_123_456_789


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_a_new_file_gets_time_and_permissions(session: FilesSession, root: Path) -> None:
    entry = await session.write(b"new", pieces(b"x"), mtime_ns=OLD, mode=0o751)
    info = (root / "new").stat()
    assert (info.st_mtime_ns, stat.S_IMODE(info.st_mode)) == (OLD, 0o751)
    assert (entry.mtime_ns, entry.mode) == (OLD, 0o751)


async def test_a_replaced_file_keeps_its_permissions(session: FilesSession, root: Path) -> None:
    (root / "old").write_bytes(b"before")
    (root / "old").chmod(0o640)
    await session.write(b"old", pieces(b"x"), mtime_ns=OLD, mode=0o777)
    info = (root / "old").stat()
    assert (info.st_mtime_ns, stat.S_IMODE(info.st_mode)) == (OLD, 0o640)


async def test_no_set_uid_bit_arrives(session: FilesSession, root: Path) -> None:
    await session.write(b"new", pieces(b"x"), mode=0o6755)
    assert stat.S_IMODE((root / "new").stat().st_mode) == 0o755


async def test_an_upload_gets_permissions(session: FilesSession, root: Path) -> None:
    await session.part_create(b"new", "upload00", 1, OLD)
    await session.part_write(b"new", "upload00", 0, pieces(b"x"))
    await session.part_finish(b"new", "upload00", mode=0o755)
    info = (root / "new").stat()
    assert (info.st_mtime_ns, stat.S_IMODE(info.st_mode)) == (OLD, 0o755)


@pytest.mark.parametrize("target", [b"file", b"../outside", b"/etc/passwd", b"caf\xe9\n"])
async def test_a_link(session: FilesSession, root: Path, target: bytes) -> None:
    entry = await session.link(b"link", target)
    assert (entry.type, entry.target) == ("link", target)
    assert os.readlink(os.fsencode(root / "link")) == target
    with pytest.raises(FilesError) as error:
        await session.link(b"link", b"other")
    assert error.value.code == "exists"


@pytest.mark.parametrize(("path", "target"), [(b"", b"x"), (b"link", b""), (b"link", b"a\0b")])
async def test_no_link(session: FilesSession, root: Path, path: bytes, target: bytes) -> None:
    with pytest.raises(FilesError) as error:
        await session.link(path, target)
    assert error.value.code == "invalid"
    assert list(root.iterdir()) == []


async def test_a_walk_without_problems_names_none(session: FilesSession, root: Path) -> None:
    (root / "a").mkdir()
    (root / "a" / "b").write_bytes(b"x")
    problems: list[bytes] = []
    walk = session.walk([b"a"], lambda path, _error: problems.append(path))
    async with aclosing(walk) as entries:
        assert [entry.path async for entry in entries] == [b"a", b"a/b"]
    assert problems == []
