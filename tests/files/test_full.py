"""File systems that are full, and writes that are refused in the middle."""

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rosetta_hub.files.session import FilesSession

from .helpers import chunks, fails, left_over, open_session

MIB = b"\0" * (1 << 20)

pytestmark = pytest.mark.system  # mounting is root's


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    path = tmp_path / "small"
    path.mkdir()
    options = ["-t", "tmpfs", "-o", "size=4m,nr_inodes=20", "rosetta-test"]
    subprocess.run(["mount", *options, path], check=True, timeout=30)
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True, timeout=30)


@pytest.fixture
async def session(small: Path) -> AsyncIterator[FilesSession]:
    """A session on the small file system."""
    async with open_session(small) as opened:
        yield opened


async def test_write_leaves_the_old_file(session: FilesSession, small: Path) -> None:
    await session.write(b"file", chunks(b"old"))
    with fails("no_space"):
        await session.write(b"file", chunks(*[MIB] * 20))
    with fails("no_space"):
        await session.write(b"new", chunks(*[MIB] * 20))
    assert (small / "file").read_bytes() == b"old"
    assert os.listdir(small) == ["file"]
    assert (await session.usage()).free > 3 << 20


async def test_upload_keeps_what_fitted_and_goes_on(session: FilesSession, small: Path) -> None:
    (small / "other").write_bytes(MIB * 2)
    await session.part_create(b"file", "u", 2 << 20)
    (small / "other").write_bytes(MIB * 3)
    with fails("no_space"):
        await session.part_write(b"file", "u", 0, chunks(*[MIB] * 2))
    offset = (await session.part_stat(b"file", "u")).offset
    assert 0 < offset < 2 << 20
    assert not (small / "file").exists()
    (small / "other").unlink()
    await session.part_write(b"file", "u", offset, chunks((MIB * 2)[offset:]))
    assert (await session.part_finish(b"file", "u")).size == 2 << 20
    assert left_over(small) == []


async def test_upload_that_cannot_fit_is_refused_at_once(
    session: FilesSession, small: Path
) -> None:
    with fails("no_space"):
        await session.part_create(b"file", "u", 5 << 20)
    assert os.listdir(small) == []


async def test_no_inodes(session: FilesSession, small: Path) -> None:
    for number in range(19):
        (small / str(number)).touch()
    with fails("no_space"):
        await session.write(b"file", chunks(b"x"))
    with fails("no_space"):
        await session.mkdir(b"d")
    with fails("no_space"):
        await session.part_create(b"file", "u", 1)
    assert len(os.listdir(small)) == 19


async def test_copy_leaves_no_half_file(session: FilesSession, small: Path) -> None:
    (small / "d").mkdir()
    (small / "d" / "large").write_bytes(MIB * 3)
    with fails("no_space"):
        await session.copy(b"d", b"copy")
    assert os.listdir(small / "copy") == []


async def test_file_system_that_is_read_only(session: FilesSession, small: Path) -> None:
    (small / "file").write_bytes(b"old")
    subprocess.run(["mount", "-o", "remount,ro", small], check=True, timeout=30)
    with fails("read_only"):
        await session.write(b"file", chunks(b"new"))
    with fails("read_only"):
        await session.mkdir(b"d")
    with fails("read_only"):
        await session.remove([b"file"])
    with fails("read_only"):
        await session.part_create(b"new", "u", 1)


async def test_another_file_system_below(session: FilesSession, small: Path) -> None:
    (small / "inner").mkdir()
    (small / "file").write_bytes(b"x")
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "rosetta-test", str(small / "inner")]
    subprocess.run(mount, check=True, timeout=30)
    try:
        with fails("invalid") as failure:
            await session.rename(b"file", b"inner/file")
        assert "Copy it" in str(failure.value)
        await session.copy(b"file", b"inner/file")
        assert (small / "inner" / "file").read_bytes() == b"x"
    finally:
        subprocess.run(["umount", small / "inner"], check=True, timeout=30)
