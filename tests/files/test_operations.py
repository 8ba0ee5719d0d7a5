"""What sessions do with files, directories and links."""

import hashlib
import os
import stat
import tarfile
import zipfile
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest

from rosetta_agent.files.frames import NEW
from rosetta_hub.files.entries import ArchiveFormat, Conflict, ListOptions, Sort
from rosetta_hub.files.session import FilesSession

from .helpers import chunks, fails, left_over, list_names, open_session, read_all

LARGE = os.urandom(1000) * 1000


def make_tree(root: Path) -> None:
    """A directory with files, a link and an empty directory."""
    (root / "tree" / "empty").mkdir(parents=True)
    (root / "tree" / "b").mkdir()
    (root / "tree" / "b" / "c").write_text("abc")
    (root / "tree" / "a.sh").write_text("#!/bin/sh\n")
    (root / "tree" / "a.sh").chmod(0o750)
    (root / "tree" / "link").symlink_to("b/c")
    os.utime(root / "tree" / "b", ns=(10**18, 10**18))
    os.utime(root / "tree" / "b" / "c", ns=(10**18, 10**18 + 5))


# --- opening -------------------------------------------------------------------------------------


async def test_opening_tells_usage(root: Path) -> None:
    async with open_session(root) as session:
        usage = await session.usage()
        assert usage.total >= usage.used > 0
        assert usage.free > 0
    assert session.is_closed


async def test_root_that_is_absent(tmp_path: Path) -> None:
    with fails("not_found") as failure:
        async with open_session(tmp_path / "absent"):
            pass
    assert "absent" in str(failure.value)
    # A file server that is not mounted is not replaced by directories here.
    with fails("not_found"):
        async with open_session(tmp_path / "absent" / "deep", create=True):
            pass
    async with open_session(tmp_path / "absent", create=True) as session:
        assert (await session.stat(b"")).type == "directory"
    assert stat.S_IMODE((tmp_path / "absent").stat().st_mode) == 0o700


async def test_storage_that_can_only_be_read(root: Path) -> None:
    (root / "file").write_text("as it is")
    async with open_session(root, read_only=True) as session:
        assert await read_all(session, b"file") == b"as it is"
        operations = (
            session.write(b"file", chunks(b"x")),
            session.mkdir(b"d"),
            session.link(b"d", b"file"),
            session.rename(b"file", b"other"),
            session.remove([b"file"]),
            session.copy(b"file", b"other"),
            session.chmod(b"file", 0o600),
            session.part_create(b"new", "u", 1),
            session.part_remove(b"new", "u"),
        )
        for operation in operations:
            with fails("read_only"):
                await operation
    assert [path.name for path in root.iterdir()] == ["file"]


# --- reading and writing -------------------------------------------------------------------------


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


async def test_empty_file(session: FilesSession, root: Path) -> None:
    assert (await session.write(b"empty", chunks())).size == 0
    assert await read_all(session, b"empty") == b""
    assert await session.checksum(b"empty") == hashlib.sha256().hexdigest()


async def test_only_the_expected_version_is_replaced(session: FilesSession, root: Path) -> None:
    first = await session.write(b"file", chunks(b"first"), NEW)
    with fails("exists"):
        await session.write(b"file", chunks(b"x"), NEW)
    second = await session.write(b"file", chunks(b"second"), first.etag)
    assert second.etag != first.etag
    with fails("changed"):
        await session.write(b"file", chunks(LARGE), first.etag)
    with fails("changed"):
        await session.write(b"absent", chunks(b"x"), first.etag)
    with fails("changed"):
        async with session.read(b"file", etag=first.etag):
            pass
    await session.write(b"file", chunks(b"third"))
    assert [path.name for path in root.iterdir()] == ["file"]
    assert (root / "file").read_bytes() == b"third"


async def test_change_during_a_write_is_noticed(session: FilesSession, root: Path) -> None:
    entry = await session.write(b"file", chunks(b"old"))

    async def body() -> AsyncIterator[bytes]:
        yield b"new"
        (root / "file").write_text("by somebody else")

    with fails("changed"):
        await session.write(b"file", body(), entry.etag)
    assert (root / "file").read_text() == "by somebody else"
    assert left_over(root) == []


async def test_permissions_outlive_a_write(session: FilesSession, root: Path) -> None:
    (root / "run.sh").write_text("old")
    (root / "run.sh").chmod(0o751)
    await session.write(b"run.sh", chunks(b"new"))
    assert stat.S_IMODE((root / "run.sh").stat().st_mode) == 0o751
    await session.write(b"new", chunks(b"new"))
    assert stat.S_IMODE((root / "new").stat().st_mode) == 0o644


async def test_file_that_shrinks_while_it_is_read(session: FilesSession, root: Path) -> None:
    with (root / "file").open("wb") as file:
        file.truncate(1 << 30)  # more than any buffer on the way
    with fails("changed"):
        async with session.read(b"file") as reading:
            async for _chunk in reading.chunks:
                os.truncate(root / "file", 10)
    assert await read_all(session, b"file") == bytes(10)


async def test_file_that_grows_while_it_is_read(session: FilesSession, root: Path) -> None:
    (root / "file").write_bytes(LARGE)
    async with session.read(b"file") as reading:
        with (root / "file").open("ab") as file:
            file.write(b"more")
        content = b"".join([chunk async for chunk in reading.chunks])
    assert content == LARGE


async def test_directories_are_no_files(session: FilesSession, root: Path) -> None:
    (root / "d").mkdir()
    (root / "f").touch()
    for path in (b"d", b""):
        with fails("is_directory"):
            await read_all(session, path)
    with fails("is_directory"):
        await session.write(b"d", chunks(b"x"))
    with fails("not_directory"):
        await session.list(b"f")
    with fails("not_directory"):
        await session.write(b"f/x", chunks(b"x"))
    with fails("not_found"):
        await session.write(b"absent/x", chunks(b"x"))


# --- listing -------------------------------------------------------------------------------------


async def test_entries_tell_what_they_are(session: FilesSession, root: Path) -> None:
    make_tree(root)
    (root / "tree" / "out").symlink_to("/etc")
    (root / "tree" / "nowhere").symlink_to("absent")
    listing = await session.list(b"tree")
    entries = {entry.name: entry for entry in listing.entries}
    assert listing.total == 6
    assert entries[b"a.sh"].path == b"tree/a.sh"
    assert entries[b"a.sh"].mode == 0o750
    assert entries[b"a.sh"].uid == os.geteuid()
    assert entries[b"b"].type == "directory"
    assert entries[b"b"].mtime_ns == 10**18
    link = entries[b"link"]
    assert (link.type, link.target, link.target_type) == ("link", b"b/c", "file")
    for name, target in ((b"out", b"/etc"), (b"nowhere", b"absent")):
        assert (entries[name].target, entries[name].target_type) == (target, None)
    assert await session.stat(b"tree/link") == link
    root_entry = await session.stat(b"")
    assert (root_entry.name, root_entry.path, root_entry.type) == (b"", b"", "directory")


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("name", [b"a", b"B", b"c"]),
        ("size", [b"c", b"a", b"B"]),
        ("modified", [b"B", b"c", b"a"]),
        ("type", [b"a", b"B", b"c"]),
    ],
)
async def test_sorting(
    session: FilesSession, root: Path, sort: Sort, expected: list[bytes]
) -> None:
    for name, size, time in (("a", 2, 40), ("B", 3, 20), ("c", 1, 30)):
        (root / name).write_bytes(bytes(size))
        os.utime(root / name, (time, time))
    for name, time in (("y", 10), ("z", 50)):
        (root / name).mkdir()
        os.utime(root / name, (time, time))
    # A link to a directory is no directory.
    (root / "0").symlink_to("z")
    os.utime(root / "0", (60, 60), follow_symlinks=False)
    folders, links = [b"y", b"z"], [b"0"]
    ordered = await list_names(session, b"", ListOptions(sort))
    assert ordered[:2] == folders
    assert [name for name in ordered if name not in folders + links] == expected
    backwards = await list_names(session, b"", ListOptions(sort, reverse=True))
    assert backwards == folders[::-1] + ordered[2:][::-1]


async def test_filter_hidden_and_pages(session: FilesSession, root: Path) -> None:
    for name in ("Übung.txt", "ubung.txt", ".hidden.txt", "notes.TXT", "other"):
        (root / name).touch()
    assert len(await list_names(session)) == 4
    assert len(await list_names(session, b"", ListOptions(hidden=True))) == 5
    assert await list_names(session, b"", ListOptions(filter="ÜBUNG")) == ["Übung.txt".encode()]
    options = ListOptions(filter=".txt", hidden=True, offset=1, limit=2)
    listing = await session.list(b"", options)
    assert [entry.name for entry in listing.entries] == [b"notes.TXT", b"ubung.txt"]
    assert listing.total == 4
    assert await list_names(session, b"", ListOptions(offset=9)) == []


@pytest.mark.system  # for the time it takes
async def test_directory_with_very_many_entries(root: Path) -> None:
    for number in range(100_000):
        os.close(os.open(root / f"{number:06}", os.O_CREAT | os.O_WRONLY))
    async with open_session(root) as session:
        options = ListOptions("size", reverse=True, offset=50_000, limit=1000)
        listing = await session.list(b"", options)
        assert listing.total == 100_000
        expected = [f"{number:06}".encode() for number in range(49_999, 48_999, -1)]
        assert [entry.name for entry in listing.entries] == expected
        assert (await session.summary([b""])).files == 100_000
        names = [entry.name async for entry in session.walk([b""])]
        assert names[1:] == sorted(names[1:])
        assert len(names) == 100_001
        assert (await session.remove(list(names[1:4]))).files == 3


# --- changing ------------------------------------------------------------------------------------


async def test_directories_are_made(session: FilesSession, root: Path) -> None:
    entry = await session.mkdir(b"new")
    assert (entry.path, entry.type, entry.mode) == (b"new", "directory", 0o755)
    with fails("exists"):
        await session.mkdir(b"new")
    with fails("not_found"):
        await session.mkdir(b"x/y/z")
    await session.mkdir(b"x/y/z", parents=True)
    await session.mkdir(b"x/y/z", parents=True)
    (root / "file").touch()
    for path in (b"file", b"file/below"):
        with pytest.raises(Exception, match="file") as error:
            await session.mkdir(path, parents=True)
        assert getattr(error.value, "code", None) in ("exists", "not_directory")
    assert (root / "x" / "y" / "z").is_dir()


async def test_links_are_made(session: FilesSession, root: Path) -> None:
    entry = await session.link(b"link", b"caf\xe9/\n")
    assert (entry.type, entry.target, entry.target_type) == ("link", b"caf\xe9/\n", None)
    assert os.readlink(os.fsencode(root / "link")) == b"caf\xe9/\n"
    with fails("exists"):
        await session.link(b"link", b"x")
    for target in (b"", b"a\0b"):
        with fails("invalid"):
            await session.link(b"other", target)


async def test_rename(session: FilesSession, root: Path) -> None:
    make_tree(root)
    (root / "taken").write_text("taken")
    entry = await session.rename(b"tree/a.sh", b"moved")
    assert (entry.path, entry.mode) == (b"moved", 0o750)
    with fails("exists"):
        await session.rename(b"moved", b"taken")
    assert (root / "taken").read_text() == "taken"
    await session.rename(b"moved", b"taken", overwrite=True)
    assert (root / "taken").read_text() == "#!/bin/sh\n"
    assert not (root / "moved").exists()
    await session.rename(b"tree/link", b"link")
    assert os.readlink(root / "link") == "b/c"
    with fails("exists"):
        await session.rename(b"tree/empty", b"tree/b")
    with fails("invalid"):
        await session.rename(b"tree", b"tree/b/below")
    with fails("not_found") as failure:
        await session.rename(b"absent", b"x")
    assert "absent" in str(failure.value)
    await session.rename(b"tree", b"other")
    assert (root / "other" / "b" / "c").read_text() == "abc"


async def test_remove_takes_trees_and_leaves_what_links_lead_to(
    session: FilesSession, root: Path
) -> None:
    make_tree(root)
    (root / "kept").mkdir()
    (root / "kept" / "file").touch()
    (root / "tree" / "to kept").symlink_to("../kept")
    os.mkfifo(root / "tree" / "fifo")
    summary = await session.summary([b"tree"])
    assert (summary.files, summary.folders, summary.bytes) == (5, 3, 13)
    assert await session.remove([b"tree"]) == summary
    assert [path.name for path in root.iterdir()] == ["kept"]
    assert (root / "kept" / "file").exists()
    with fails("not_found"):
        await session.remove([b"tree"])


async def test_deep_tree(session: FilesSession, root: Path) -> None:
    path = os.open(root, os.O_RDONLY)
    for _level in range(1500):  # deeper than Python's stack, longer than PATH_MAX
        os.mkdir("deep", dir_fd=path)
        below = os.open("deep", os.O_RDONLY, dir_fd=path)
        os.close(path)
        path = below
    os.close(path)
    assert (await session.summary([b"deep"])).folders == 1500
    assert (await session.remove([b"deep"])).folders == 1500
    assert list(root.iterdir()) == []


async def test_permissions_are_set(session: FilesSession, root: Path) -> None:
    make_tree(root)
    assert (await session.chmod(b"tree/a.sh", 0o600)).mode == 0o600
    (root / "tree" / "a.sh").chmod(0)
    assert (await session.chmod(b"tree/a.sh", 0o640)).mode == 0o640
    assert (await session.chmod(b"tree", 0o2770)).mode == 0o2770
    await session.chmod(b"tree/link", 0o611)
    assert stat.S_IMODE((root / "tree" / "b" / "c").stat().st_mode) == 0o611
    for path, mode in ((b"tree/a.sh", 0o4755), (b"tree/a.sh", 0o2755), (b"tree", 0o4755)):
        with fails("invalid"):
            await session.chmod(path, mode)


async def test_the_root_itself_stays(session: FilesSession) -> None:
    operations = (
        session.write(b"", chunks(b"x")),
        session.mkdir(b""),
        session.rename(b"", b"x"),
        session.rename(b"x", b""),
        session.remove([b""]),
        session.copy(b"x", b""),
        session.part_create(b"", "u", 1),
    )
    for operation in operations:
        with fails("invalid"):
            await operation


# --- trees ---------------------------------------------------------------------------------------


async def test_walk_comes_parents_first_in_the_order_of_bytes(
    session: FilesSession, root: Path
) -> None:
    make_tree(root)
    (root / "tree" / "b.txt").touch()
    paths = [entry.path async for entry in session.walk([b"tree/b", b"tree"])]
    assert paths == [
        *(b"tree/b", b"tree/b/c"),
        *(b"tree", b"tree/a.sh", b"tree/b", b"tree/b/c", b"tree/b.txt", b"tree/empty"),
        b"tree/link",
    ]
    with fails("not_found"):
        async for _entry in session.walk([b"absent"]):
            pass


async def test_copy_keeps_modes_times_and_links(session: FilesSession, root: Path) -> None:
    make_tree(root)
    (root / "tree" / "b").chmod(0o500)
    os.mkfifo(root / "tree" / "fifo")
    copied = await session.copy(b"tree", b"copy")
    assert copied.path == b"copy"
    assert (copied.summary.files, copied.summary.folders, copied.summary.bytes) == (3, 3, 13)
    assert (copied.summary.skipped, copied.summary.skipped_total) == ((b"tree/fifo",), 1)
    copy = root / "copy"
    assert (copy / "b" / "c").read_text() == "abc"
    assert (copy / "b" / "c").stat().st_mtime_ns == 10**18 + 5
    assert (copy / "b").stat().st_mtime_ns == 10**18
    assert stat.S_IMODE((copy / "b").stat().st_mode) == 0o500
    assert stat.S_IMODE((copy / "a.sh").stat().st_mode) == 0o750
    assert os.readlink(copy / "link") == "b/c"
    assert sorted(path.name for path in copy.iterdir()) == ["a.sh", "b", "empty", "link"]


@pytest.mark.parametrize(
    ("conflict", "content", "skipped"), [("overwrite", "abc", 0), ("skip", "theirs", 1)]
)
async def test_copy_merges(
    session: FilesSession, root: Path, conflict: Conflict, content: str, skipped: int
) -> None:
    make_tree(root)
    (root / "tree" / "link").unlink()
    (root / "copy" / "b").mkdir(parents=True)
    (root / "copy" / "b" / "c").write_text("theirs")
    (root / "copy" / "b" / "own").touch()
    copied = await session.copy(b"tree", b"copy", conflict)
    assert copied.summary.skipped_total == skipped
    assert (root / "copy" / "b" / "c").read_text() == content
    assert (root / "copy" / "b" / "own").exists()
    assert (root / "copy" / "a.sh").exists()


async def test_copy_to_a_name_that_is_taken(session: FilesSession, root: Path) -> None:
    make_tree(root)
    (root / "c.tar").write_text("old")
    for source, target in ((b"tree", b"tree/b"), (b"tree", b"tree"), (b"", b"tree/x")):
        with fails("invalid"):
            await session.copy(source, target)
    (root / "tree" / "back").symlink_to("..")
    with fails("invalid"):
        await session.copy(b"tree", b"tree/back/tree/x", "overwrite")
    with fails("exists"):
        await session.copy(b"tree/b/c", b"c.tar")
    with fails("exists"):
        await session.copy(b"tree/b", b"tree/empty")
    assert (root / "c.tar").read_text() == "old"
    for expected in (b"c (1).tar", b"c (2).tar"):
        assert (await session.copy(b"tree/b/c", b"c.tar", "rename")).path == expected
    assert (await session.copy(b"tree", b"tree", "rename")).path == b"tree (1)"
    assert (root / "tree (1)" / "b" / "c").exists()
    assert left_over(root) == []


# --- archives ------------------------------------------------------------------------------------


async def archive(session: FilesSession, paths: list[bytes], format: ArchiveFormat) -> BytesIO:
    return BytesIO(b"".join([chunk async for chunk in session.archive(paths, format)]))


async def test_tar(session: FilesSession, root: Path) -> None:
    make_tree(root)
    (root / "tree" / "large").write_bytes(LARGE)
    os.mkfifo(root / "tree" / "fifo")
    (root / "tree" / os.fsdecode(b"caf\xe9")).write_text("x")
    with tarfile.open(fileobj=await archive(session, [b"tree"], "tar")) as tar:
        names = {os.fsencode(name) for name in tar.getnames()}
        assert names == {
            *(b"tree", b"tree/a.sh", b"tree/b", b"tree/b/c", b"tree/caf\xe9", b"tree/empty"),
            *(b"tree/large", b"tree/link", b"NOT-INCLUDED.txt"),
        }
        large = tar.extractfile("tree/large")
        assert large is not None
        assert large.read() == LARGE
        assert tar.getmember("tree/a.sh").mode == 0o750
        assert tar.getmember("tree/b/c").mtime == 10**9
        assert tar.getmember("tree/link").linkname == "b/c"
        report = tar.extractfile("NOT-INCLUDED.txt")
        assert report is not None
        assert b"tree/fifo" in report.read()


async def test_zip(session: FilesSession, root: Path) -> None:
    make_tree(root)
    (root / "tree" / "large").write_bytes(LARGE)
    for name in (b"caf\xe9", b"a\\b", "Übung".encode()):
        (root / "tree" / os.fsdecode(name)).write_text("x")
    os.utime(root / "tree" / "a.sh", (0, 0))
    paths = [b"tree/a.sh", b"tree/b", b"tree/large", b"tree/caf\xe9", b"tree/a\\b", b"tree/empty"]
    paths.append("tree/Übung".encode())
    with zipfile.ZipFile(await archive(session, paths, "zip")) as opened:
        assert opened.testzip() is None
        names = set(opened.namelist())
        assert names == {
            *("a.sh", "b/", "b/c", "large", "caf%E9", "a%5Cb", "empty/", "Übung", "NAMES.txt")
        }
        assert opened.read("large") == LARGE
        assert opened.read("NAMES.txt").decode().splitlines()[2:] == ["caf%E9", "a%5Cb"]
        assert opened.getinfo("a.sh").external_attr >> 16 == 0o100750
        assert opened.getinfo("a.sh").date_time[0] == 1980


async def test_archive_of_a_file_that_shrinks_ends_with_an_error(
    session: FilesSession, root: Path
) -> None:
    with (root / "file").open("wb") as file:
        file.truncate(1 << 30)
    with fails("changed"):
        async for _chunk in session.archive([b"file"], "tar"):
            os.truncate(root / "file", 10)
    assert (await session.stat(b"file")).size == 10
