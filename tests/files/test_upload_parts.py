"""Uploads in parts: offsets, conflicts, what is left of those that nobody completes."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rosetta_hub.files.entries import Part
from rosetta_hub.files.session import FilesSession

from .helpers import chunks, fails, left_over, list_names, open_session

DATA = os.urandom(1 << 20)


async def test_upload_in_pieces(session: FilesSession, root: Path) -> None:
    (root / "d").mkdir()
    length = len(DATA)
    assert await session.part_create(b"d/file", "u1", length, 10**18) == Part(0, length, 10**18)
    part = await session.part_write(b"d/file", "u1", 0, chunks(DATA[:1000], DATA[1000:5000]))
    assert part.offset == 5000
    assert await session.part_stat(b"d/file", "u1") == Part(5000, length, 10**18)
    with fails("changed") as failure:
        await session.part_write(b"d/file", "u1", 4000, chunks(b"x"))
    assert "5000" in str(failure.value)
    with fails("changed"):
        await session.part_finish(b"d/file", "u1")
    assert not (root / "d" / "file").exists()
    assert await list_names(session, b"d") == []
    await session.part_write(b"d/file", "u1", 5000, chunks(DATA[5000:]))
    entry = await session.part_finish(b"d/file", "u1")
    assert (entry.path, entry.size, entry.mtime_ns) == (b"d/file", length, 10**18)
    assert (root / "d" / "file").read_bytes() == DATA
    assert left_over(root) == []
    with fails("not_found"):
        await session.part_stat(b"d/file", "u1")


async def test_more_than_the_length(session: FilesSession, root: Path) -> None:
    await session.part_create(b"file", "u1", 10)
    with fails("too_large"):
        await session.part_write(b"file", "u1", 0, chunks(b"x" * 5, b"y" * 6))
    assert (await session.part_stat(b"file", "u1")).offset == 5
    with fails("exists"):
        await session.part_create(b"file", "u1", 10)


async def test_more_than_there_is_space(session: FilesSession, root: Path) -> None:
    with fails("no_space"):
        await session.part_create(b"file", "u1", 1 << 60)
    assert left_over(root) == []


async def test_two_uploads_of_one_name(root: Path) -> None:
    async with open_session(root) as session, open_session(root) as other:
        await asyncio.gather(
            session.part_create(b"a.txt", "u1", 3), other.part_create(b"a.txt", "u2", 5)
        )
        await asyncio.gather(
            session.part_write(b"a.txt", "u1", 0, chunks(b"one")),
            other.part_write(b"a.txt", "u2", 0, chunks(b"other")),
        )
        await session.part_finish(b"a.txt", "u1")
        with fails("exists"):
            await other.part_finish(b"a.txt", "u2")
        assert (root / "a.txt").read_text() == "one"
        (root / "a.txt").chmod(0o750)
        entry = await other.part_finish(b"a.txt", "u2", "rename")
        assert entry.path == b"a (1).txt"
        await other.part_create(b"a.txt", "u3", 0)
        assert (await other.part_finish(b"a.txt", "u3", "overwrite")).size == 0
    assert (root / "a (1).txt").read_text() == "other"
    assert stat.S_IMODE((root / "a.txt").stat().st_mode) == 0o750
    assert left_over(root) == []


async def test_two_transfers_of_one_upload(root: Path) -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"123"
        started.set()
        await go_on.wait()
        yield b"45"

    async with open_session(root) as session, open_session(root) as other:
        await session.part_create(b"f", "u", 5)
        writing = asyncio.create_task(session.part_write(b"f", "u", 0, slow()))
        await started.wait()
        async with asyncio.timeout(30):
            while (await other.part_stat(b"f", "u")).offset < 3:
                await asyncio.sleep(0.01)
        for operation in (
            other.part_write(b"f", "u", 3, chunks(b"xx")),
            other.part_finish(b"f", "u"),
        ):
            with fails("changed"):
                await operation
        go_on.set()
        assert (await writing).offset == 5
        await other.part_finish(b"f", "u")
    assert (root / "f").read_text() == "12345"


async def test_upload_goes_on_after_its_channel_has_ended(root: Path) -> None:
    event = asyncio.Event()

    async def interrupted() -> AsyncIterator[bytes]:
        yield DATA[:300_000]
        await event.wait()
        raise ConnectionResetError

    async with open_session(root) as session, open_session(root) as other:
        await session.part_create(b"f", "u", len(DATA))
        writing = asyncio.create_task(session.part_write(b"f", "u", 0, interrupted()))
        async with asyncio.timeout(30):
            while (await other.part_stat(b"f", "u")).offset < 300_000:
                await asyncio.sleep(0.01)
        event.set()
        with pytest.raises(ConnectionResetError):
            await writing
        assert session.is_closed
        await session.wait_closed()
        offset = (await other.part_stat(b"f", "u")).offset
        assert offset == 300_000
        await other.part_write(b"f", "u", offset, chunks(DATA[offset:]))
        await other.part_finish(b"f", "u")
    assert (root / "f").read_bytes() == DATA


async def test_upload_that_is_given_up(session: FilesSession, root: Path) -> None:
    await session.part_create(b"f", "u", 5)
    await session.part_write(b"f", "u", 0, chunks(b"123"))
    await session.part_remove(b"f", "u")
    await session.part_remove(b"f", "u")
    assert list(root.iterdir()) == []
    with fails("not_found"):
        await session.part_write(b"f", "u", 3, chunks(b"45"))


async def test_upload_over_a_link_or_a_directory(session: FilesSession, root: Path) -> None:
    (root / "d").mkdir()
    (root / "link").symlink_to("../secret/key")
    for name in ("d", "link"):
        await session.part_create(name.encode(), name, 0)
        with fails("exists"):
            await session.part_finish(name.encode(), name)
    with fails("is_directory"):
        await session.part_finish(b"d", "d", "overwrite")
    await session.part_finish(b"link", "link", "overwrite")
    assert not (root / "link").is_symlink()
    assert (root.parent / "secret" / "key").read_text() == "secret"


async def test_mode_of_a_new_file(session: FilesSession, root: Path) -> None:
    await session.part_create(b"f", "u", 0)
    assert (await session.part_finish(b"f", "u", mode=0o4750)).mode == 0o750
    await session.part_create(b"f", "u", 0)
    entry = await session.part_finish(b"f", "u", "overwrite", mode=0o600)
    assert entry.mode == 0o750
