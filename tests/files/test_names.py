"""Names that are unusual, and names that are no text."""

import os
from pathlib import Path

import pytest

from rosetta_hub.files.entries import ListOptions
from rosetta_hub.files.session import FilesSession

from .helpers import chunks, fails, list_names, read_all

ODD = [
    b"caf\xe9",
    b"\xff\xfe\x80",
    "Ünïcödé \U0001f600".encode(),
    b"two\nlines",
    b"-rf",
    b"__proto__",
    b"constructor",
    b" ",
    b"...",
    b"a\\b",
    b"\"quoted\" 'name' $(id) `id` %41 &amp; <b>",
    b"\x01\x1b[31m",
    b"CON",
    b"x" * 255,
    ("ü" * 127).encode(),
]


@pytest.mark.parametrize("name", ODD)
async def test_odd_names(session: FilesSession, root: Path, name: bytes) -> None:
    await session.mkdir(b"d")
    path = b"d/" + name
    entry = await session.write(path, chunks(b"content"))
    assert (entry.name, entry.path) == (name, path)
    assert await list_names(session, b"d", ListOptions(hidden=True)) == [name]
    assert os.listdir(os.fsencode(root / "d")) == [name]
    assert await read_all(session, path) == b"content"
    await session.rename(b"d", name)
    path = name + b"/" + name
    assert (await session.stat(path)).size == 7
    assert [item.path async for item in session.walk([b""])] == [b"", name, path]
    copied = await session.copy(path, path, "rename")
    assert (await session.stat(copied.path)).size == 7
    assert (await session.summary([name, path])).files == 3
    await session.part_create(path, "upload", 0)
    assert (await session.part_finish(path, "upload", "rename")).path != path
    tar = b"".join([chunk async for chunk in session.archive([path], "tar")])
    assert name in tar
    assert [chunk async for chunk in session.archive([path], "zip")]
    assert (await session.remove([name])).files == 3
    assert list(root.iterdir()) == []


@pytest.mark.parametrize(
    "path", [b"..", b"../secret", b"a/../b", b"a/..", b"/etc/passwd", b"/", b"a\0b"]
)
async def test_paths_that_are_none(session: FilesSession, root: Path, path: bytes) -> None:
    (root / "a").mkdir()
    operations = (
        session.stat(path),
        session.list(path),
        session.write(path, chunks(b"x")),
        session.mkdir(path),
        session.rename(path, b"x"),
        session.rename(b"a", path),
        session.remove([path]),
        session.summary([path]),
        session.copy(path, b"x"),
        session.copy(b"a", path),
        session.chmod(path, 0o777),
        session.checksum(path),
        session.part_create(path, "u", 1),
        session.part_write(path, "u", 0, chunks(b"x")),
    )
    for operation in operations:
        with fails("invalid"):
            await operation
    assert [entry.name for entry in root.iterdir()] == ["a"]


async def test_empty_parts_of_paths_do_not_count(session: FilesSession, root: Path) -> None:
    (root / "a").mkdir()
    (root / "a" / "b").touch()
    assert (await session.stat(b"./a//b/")).name == b"b"


async def test_name_that_is_too_long(session: FilesSession) -> None:
    with fails("name_too_long"):
        await session.write(b"x" * 256, chunks(b"x"))
    with fails("name_too_long"):
        await session.mkdir(b"x" * 256)


@pytest.mark.parametrize("upload", ["", "../x", "a/b", "a.b", "x" * 65, "ü", "a\n"])
async def test_names_of_uploads(session: FilesSession, root: Path, upload: str) -> None:
    for operation in (
        session.part_create(b"file", upload, 1),
        session.part_stat(b"file", upload),
        session.part_remove(b"file", upload),
    ):
        with fails("invalid"):
            await operation
    assert list(root.iterdir()) == []
