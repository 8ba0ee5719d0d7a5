"""What sessions do with files, directories and links."""

import contextlib
import hashlib
import os
import stat
from pathlib import Path

import pytest

from rosetta_agent.files.frames import NEW
from rosetta_hub.files.entries import ListOptions
from rosetta_hub.files.errors import FilesError
from rosetta_hub.files.session import FilesSession

from .conftest import chunks, open_session, read_all

LARGE = os.urandom(1000) * 1000


def fails(code: str) -> "contextlib.AbstractContextManager[pytest.ExceptionInfo[FilesError]]":
    """An operation of which the storage says that it can't be."""
    return pytest.raises(FilesError, check=lambda error: error.code == code)


def left_over(folder: Path) -> list[str]:
    """Names of what writing leaves only when something goes wrong."""
    return [path.name for path in folder.rglob("*") if "rosetta-part" in path.name]


async def names(session: FilesSession, path: bytes, **options: object) -> list[bytes]:
    listing = await session.list(path, ListOptions(**options))  # type: ignore[arg-type]
    return [entry.name for entry in listing.entries]


async def test_opening_tells_account_and_usage(root: Path) -> None:
    async with open_session(root) as session:
        usage = await session.usage()
        assert usage.total >= usage.used > 0
        assert usage.free > 0
    assert session.is_closed


async def test_root_that_is_absent(tmp_path: Path) -> None:
    with fails("not_found") as caught:
        async with open_session(tmp_path / "absent"):
            pass
    assert "absent" in str(caught.value)
    async with open_session(tmp_path / "absent" / "deep", create=True) as session:
        assert (await session.stat(b"")).type == "directory"
    assert stat.S_IMODE((tmp_path / "absent" / "deep").stat().st_mode) == 0o700


async def test_write_and_read(session: FilesSession, root: Path) -> None:
    entry = await session.write(b"file", chunks(LARGE[:10], b"", LARGE[10:]), NEW)
    assert (root / "file").read_bytes() == LARGE
    assert (entry.name, entry.type, entry.size) == (b"file", "file", len(LARGE))
    assert await read_all(session, b"file") == LARGE
    assert await read_all(session, b"file", len(LARGE) - 3) == LARGE[-3:]
    assert await read_all(session, b"file", len(LARGE)) == b""
    async with session.read(b"file", 5, 7, entry.etag) as reading:
        assert reading.entry == entry
        assert [chunk async for chunk in reading.chunks] == [LARGE[5:12]]
    assert await session.checksum(b"file") == hashlib.sha256(LARGE).hexdigest()
    with fails("invalid"):
        await read_all(session, b"file", len(LARGE) + 1)
    assert left_over(root) == []
