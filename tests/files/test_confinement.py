"""No link leads out of a storage, and nothing is opened that is no regular file."""

import asyncio
import ctypes
import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rosetta_hub.errors import FilesError
from rosetta_hub.files.session import FilesSession

from .helpers import chunks, fails, read_all

RENAME_EXCHANGE = 2
AT_FDCWD = -100


@pytest.mark.parametrize(
    "target",
    [
        *("/etc", "/", "../secret", "../../..", "/proc/self/root", "/proc/self/cwd"),
        *("inside/../../secret", "inside/up", "{root}", "{root}/inside"),
    ],
)
async def test_links_that_lead_out(
    session: FilesSession, root: Path, tmp_path: Path, target: str
) -> None:
    (root / "inside").mkdir()
    (root / "inside" / "up").symlink_to("../../secret")
    (root / "link").symlink_to(target.format(root=root))
    (root / "file").write_text("x")
    with fails("outside"):
        await session.list(b"link")
    for path in (b"link/key", b"link/passwd"):
        with fails("outside"):
            await session.stat(path)
        with fails("outside"):
            await read_all(session, path)
    changing = (
        session.write(b"link/new", chunks(b"x")),
        session.mkdir(b"link/new"),
        session.mkdir(b"link/new/deep", parents=True),
        session.rename(b"file", b"link/new"),
        session.copy(b"file", b"link/new"),
        session.part_create(b"link/new", "u", 1),
        session.remove([b"link/key"]),
        session.chmod(b"link", 0o777),
    )
    for operation in changing:
        with fails("outside"):
            await operation
    assert (await session.stat(b"link")).target_type is None
    assert [path.name for path in (tmp_path / "secret").iterdir()] == ["key"]


async def test_dangling_link_makes_no_file_outside(
    session: FilesSession, root: Path, tmp_path: Path
) -> None:
    for name, target in (("up", "../new"), ("absolute", str(tmp_path / "new"))):
        (root / name).symlink_to(target)
        with fails("outside"):
            await session.write(name.encode(), chunks(b"x"))
    (root / "inside").symlink_to("new")
    await session.write(b"inside", chunks(b"x"))
    assert (root / "new").read_text() == "x"
    assert not (tmp_path / "new").exists()


async def test_links_that_stay_within(session: FilesSession, root: Path) -> None:
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "file").write_text("content")
    (root / "to b").symlink_to("a/b")
    (root / "a" / "to file").symlink_to("../to b/file")
    (root / "loop").symlink_to("loop")
    assert [entry.path for entry in (await session.list(b"to b")).entries] == [b"to b/file"]
    assert await read_all(session, b"a/to file") == b"content"
    assert (await session.stat(b"a/to file")).target_type == "file"
    entry = await session.write(b"a/to file", chunks(b"new"))
    assert entry.name == b"file"
    assert (root / "a" / "to file").is_symlink()
    assert (root / "a" / "b" / "file").read_text() == "new"
    for operation in (session.list(b"loop"), session.write(b"loop", chunks(b"x"))):
        with fails("outside"):
            await operation
    # A directory that is reached by a link leads back to where it is, not to where the link is.
    (root / "to b" / "above").symlink_to("../b/file")
    assert await read_all(session, b"to b/above") == b"new"


async def test_what_is_no_file_is_listed_and_not_opened(session: FilesSession, root: Path) -> None:
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "socket"))
    (root / "to fifo").symlink_to("fifo")
    # Opening a FIFO for writing waits until somebody opens it for reading.
    opened = threading.Event()

    def write() -> None:
        os.close(os.open(root / "fifo", os.O_WRONLY))
        opened.set()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    types = {entry.name: entry.type for entry in (await session.list(b"")).entries}
    assert types == {b"fifo": "fifo", b"socket": "socket", b"to fifo": "link"}
    assert (await session.stat(b"to fifo")).target_type == "fifo"
    for path in (b"fifo", b"socket", b"to fifo"):
        for operation in (
            read_all(session, path),
            session.checksum(path),
            session.write(path, chunks(b"x")),
        ):
            with fails("special"):
                await operation
    assert (await session.copy(b"fifo", b"copy")).summary.skipped == (b"fifo",)
    assert [chunk async for chunk in session.archive([b"fifo"], "tar")]
    assert not opened.is_set()
    os.close(os.open(root / "fifo", os.O_RDONLY))
    writer.join()
    assert (await session.summary([b""])).files == 3
    assert (await session.remove([b"fifo", b"socket"])).files == 2


@pytest.mark.system  # root's to make
async def test_devices_are_listed_and_not_opened(session: FilesSession, root: Path) -> None:
    os.mknod(root / "tty", 0o600 | stat.S_IFCHR, os.makedev(5, 0))
    assert (await session.stat(b"tty")).type == "device"
    with fails("special"):
        await read_all(session, b"tty")
    with fails("special"):
        await session.write(b"tty", chunks(b"x"))


class Swapper:
    """Exchanges two entries all the time, in a thread."""

    def __init__(self, first: Path, second: Path) -> None:
        self._paths = (os.fsencode(first), os.fsencode(second))
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        while not self._end.is_set():
            libc.renameat2(AT_FDCWD, self._paths[0], AT_FDCWD, self._paths[1], RENAME_EXCHANGE)

    def stop(self) -> None:
        self._end.set()
        self._thread.join()


@pytest.fixture
def swapped(root: Path) -> Iterator[Path]:
    """`d` is now a directory with the file `key`, now a link to one that is outside."""
    (root / "d").mkdir()
    (root / "d" / "key").write_text("public")
    (root / "d" / "below").mkdir()
    (root / "other").symlink_to("../secret")
    swapper = Swapper(root / "d", root / "other")
    yield root
    swapper.stop()


async def test_links_that_are_swapped_meanwhile(
    session: FilesSession, swapped: Path, tmp_path: Path
) -> None:
    answers: set[bytes | str] = set()
    for number in range(300):
        for operation in (
            read_all(session, b"d/key"),
            session.write(b"d/new", chunks(b"x")),
            session.mkdir(b"d/dir" + str(number).encode()),
        ):
            try:
                answer = await operation
                answers.add(answer if isinstance(answer, bytes) else "done")
            except FilesError as error:
                answers.add(error.code)
    assert [path.name for path in (tmp_path / "secret").iterdir()] == ["key"]
    assert {b"public", "done", "outside"} <= answers
    assert b"secret" not in answers


async def test_removing_while_links_are_swapped(
    session: FilesSession, root: Path, tmp_path: Path
) -> None:
    (root / "tree" / "other").mkdir(parents=True)
    (root / "tree" / "link").symlink_to("../../secret")
    swapper = Swapper(root / "tree" / "other", root / "tree" / "link")
    answers = set()
    try:
        async with asyncio.timeout(60):
            while (root / "tree").exists():
                try:
                    await session.remove([b"tree"])
                except FilesError as error:
                    answers.add(error.code)
    finally:
        swapper.stop()
    assert answers <= {"not_directory", "is_directory", "outside", "not_empty"}
    assert (tmp_path / "secret" / "key").read_text() == "secret"
