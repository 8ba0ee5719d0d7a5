"""Copies of real directories through the real files program."""

import asyncio
import hashlib
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rosetta_hub.catalogue.storage_paths import encode_path
from rosetta_hub.config import Rosetta
from rosetta_hub.copies.fetch import Fetcher
from rosetta_hub.copies.job import CopyJobs
from rosetta_hub.copies.records import CopyRecords
from rosetta_hub.copies.transfer import LARGE
from rosetta_hub.database.database import Database
from rosetta_hub.database.models_copies import Copy, CopyState, OnConflict
from rosetta_hub.files.channel import StorageUnavailable
from rosetta_hub.files.channel_local import ProgramOwner
from rosetta_hub.files.file_access import SESSIONS
from tests.support.eventually import until

from .conftest import some_copy
from .storages import Storages, is_locked, part_files, size_of_parts, small_disk

ROOT = Path(__file__).parents[2]
OLD = 1_600_000_000_123_456_789
NOBODY = 65534
# A service that copies, and whose source sends no more in the middle of a file.
SERVICE = f"""
import asyncio, sys
from pathlib import Path
from rosetta_hub.jobs.events import JobEvents
from rosetta_hub.config import Rosetta
from rosetta_hub.copies.fetch import Fetcher
from rosetta_hub.copies.job import CopyJobs
from rosetta_hub.jobs.queue import JobQueue
from rosetta_hub.copies.records import CopyRecords
from rosetta_hub.database.database import Database
from tests.copies.storages import Storages

url, one, two = sys.argv[1:]
storages = Storages({{"one": Path(one), "two": Path(two)}}, stall_after={3 * LARGE})
records = CopyRecords(Database(url), JobEvents())
jobs = CopyJobs(records, storages, Fetcher(Rosetta()))
asyncio.run(JobQueue("copy", records, jobs.work, 2, 8).run())
"""


@dataclass
class Bench:
    """Two storages, and copies between them."""

    records: CopyRecords
    storages: Storages
    jobs: CopyJobs

    @property
    def one(self) -> Path:
        """The directory of the first storage."""
        return self.storages.roots["one"]

    @property
    def two(self) -> Path:
        """The directory of the second storage."""
        return self.storages.roots["two"]

    def add(
        self, *paths: bytes, conflict: OnConflict = OnConflict.FAIL, target: str = "two"
    ) -> Copy:
        """A copy of paths of the first storage."""
        copy = some_copy()
        copy.source_paths = [encode_path(path) for path in paths]
        copy.target_names = [encode_path(path.rpartition(b"/")[2]) for path in paths]
        copy.target_storage, copy.conflict = target, conflict
        return self.records.add(copy)

    async def copy(
        self, *paths: bytes, conflict: OnConflict = OnConflict.FAIL, target: str = "two"
    ) -> Copy:
        """Copy paths of the first storage; returns how that ended."""
        copy = self.add(*paths, conflict=conflict, target=target)
        await self.jobs.work(copy)
        return self.records.find(copy.id)


@pytest.fixture
async def bench(records: CopyRecords, tmp_path: Path) -> AsyncIterator[Bench]:
    """Two empty storages."""
    roots = {name: tmp_path / name for name in ("one", "two")}
    for root in roots.values():
        root.mkdir()
    storages = Storages(roots)
    yield Bench(records, storages, CopyJobs(records, storages, Fetcher(Rosetta())))
    await storages.close()


def write(path: Path, content: bytes = b"content") -> Path:
    """A file that was changed some time ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, ns=(OLD, OLD))
    return path


def tree(root: Path) -> dict[bytes, tuple[object, ...]]:
    """All that is below a directory: types, contents, times and permissions of files."""
    document: dict[bytes, tuple[object, ...]] = {}
    for folder, folders, files in os.walk(os.fsencode(root)):
        for name in folders + files:
            path = os.path.join(folder, name)
            info = os.lstat(path)
            below = os.path.relpath(path, os.fsencode(root))
            if stat.S_ISLNK(info.st_mode):
                document[below] = ("link", os.readlink(path))
            elif stat.S_ISDIR(info.st_mode):
                document[below] = ("directory",)
            elif stat.S_ISREG(info.st_mode):
                digest = hashlib.sha256(Path(os.fsdecode(path)).read_bytes()).hexdigest()
                document[below] = ("file", digest, info.st_mtime_ns, stat.S_IMODE(info.st_mode))
            else:
                document[below] = ("special",)
    return document


def content(size: int) -> bytes:
    """Bytes that are not all the same."""
    return os.urandom(1000) * (size // 1000) + b"x" * (size % 1000)


def messages(copy: Copy) -> list[str]:
    """Why entries were not copied."""
    return [problem["message"] for problem in copy.problems]


async def test_a_tree_arrives_as_it_is(bench: Bench) -> None:
    write(bench.one / "tree" / "small")
    write(bench.one / "tree" / "empty", b"")
    write(bench.one / "tree" / "large", content(3 * LARGE + 17))
    write(bench.one / "tree" / "sub" / "program", b"#!/bin/sh\n").chmod(0o755)
    (bench.one / "tree" / "sub" / "nothing").mkdir()
    (bench.one / "tree" / "link").symlink_to("sub/program")
    (bench.one / "tree" / "sub" / "up").symlink_to("../small")
    copy = await bench.copy(b"tree")
    assert (copy.state, copy.message, copy.problems) == (CopyState.DONE, "", [])
    assert tree(bench.two) == tree(bench.one)
    assert (copy.files_done, copy.files_total) == (6, 6)
    assert copy.bytes_done == copy.bytes_total == 3 * LARGE + 17 + 7 + 10


NAMES = [b"caf\xe9", b"new\nline", b'"quotes"', b"-rf", b"__proto__", b"x" * 255, b"a%41 b"]


async def test_all_names_arrive(bench: Bench) -> None:
    for name in NAMES:
        write(bench.one / os.fsdecode(name) if len(name) < 255 else bench.one / "d" / ("x" * 255))
    copy = await bench.copy(*(name for name in NAMES if len(name) < 255), b"d")
    assert messages(copy) == []
    assert tree(bench.two) == tree(bench.one)


async def test_within_one_storage(bench: Bench) -> None:
    write(bench.one / "a" / "small")
    write(bench.one / "a" / "large", content(2 * LARGE))
    (bench.one / "b").mkdir()
    copy = bench.add(b"a", target="one")
    bench.records.update(copy.id, lambda row: setattr(row, "target_path", "b"))
    await bench.jobs.work(bench.records.find(copy.id))
    copy = bench.records.find(copy.id)
    assert (copy.state, messages(copy)) == (CopyState.DONE, [])
    assert tree(bench.one / "b" / "a") == tree(bench.one / "a")
    assert copy.bytes_done == 2 * LARGE + 7


async def test_what_is_there_is_not_copied_again(bench: Bench) -> None:
    write(bench.one / "d" / "same")
    write(bench.one / "d" / "new")
    write(bench.two / "d" / "same").chmod(0o600)
    before = (bench.two / "d" / "same").stat().st_ino
    copy = await bench.copy(b"d")
    assert (copy.state, messages(copy)) == (CopyState.DONE, [])
    assert (bench.two / "d" / "same").stat().st_ino == before
    assert (bench.two / "d" / "new").read_bytes() == b"content"
    assert (copy.files_done, copy.bytes_done) == (2, 14)


@pytest.mark.parametrize(
    ("conflict", "expected", "state"),
    [
        (OnConflict.SKIP, b"old", CopyState.DONE),
        (OnConflict.OVERWRITE, b"content", CopyState.DONE),
        (OnConflict.FAIL, b"old", CopyState.FAILED),
    ],
)
@pytest.mark.parametrize("large", [False, True])
async def test_a_name_that_is_taken(
    bench: Bench, conflict: OnConflict, expected: bytes, state: CopyState, large: bool
) -> None:
    factor = LARGE if large else 1
    write(bench.one / "d" / "file", b"content" * factor)
    (bench.two / "d").mkdir()
    (bench.two / "d" / "file").write_bytes(b"old")
    copy = await bench.copy(b"d", conflict=conflict)
    assert copy.state is state
    result = (bench.two / "d" / "file").read_bytes()
    assert result == (b"old" if expected == b"old" else b"content" * factor)
    assert [path.name for path in (bench.two / "d").iterdir()] == ["file"]


async def test_a_folder_in_the_place_of_a_file(bench: Bench) -> None:
    write(bench.one / "d" / "x")
    write(bench.one / "d" / "y" / "inner")
    write(bench.one / "d" / "z")
    (bench.two / "d" / "x").mkdir(parents=True)
    write(bench.two / "d" / "y")
    copy = await bench.copy(b"d", conflict=OnConflict.OVERWRITE)
    assert copy.state is CopyState.FAILED
    assert copy.problem_count == 3
    assert (bench.two / "d" / "z").read_bytes() == b"content"
    assert (bench.two / "d" / "y").read_bytes() == b"content"


async def test_special_files_and_links_outside_are_left_out(bench: Bench) -> None:
    write(bench.one / "d" / "file")
    os.mkfifo(bench.one / "d" / "pipe")
    (bench.one / "d" / "etc").symlink_to("/etc")
    (bench.one / "d" / "up").symlink_to("../../two")
    copy = await bench.copy(b"d")
    assert copy.state is CopyState.DONE
    assert os.listdir(bench.two / "d") == ["file"]
    assert sorted(messages(copy)) == [
        "d/etc leads out of what is copied, and was left out.",
        "d/pipe is a fifo, which can't be copied.",
        "d/up leads out of what is copied, and was left out.",
    ]
    assert copy.message.startswith("3 of the entries were not copied. ")


async def test_a_source_that_is_not_there(bench: Bench) -> None:
    write(bench.one / "here")
    copy = await bench.copy(b"gone", b"here")
    assert copy.state is CopyState.FAILED
    assert len(messages(copy)) == 1
    assert messages(copy)[0].startswith("gone: ")
    assert (bench.two / "here").read_bytes() == b"content"


async def test_a_target_that_is_read_only(bench: Bench) -> None:
    write(bench.one / "a")
    write(bench.one / "b")
    bench.storages.read_only.add("two")
    copy = await bench.copy(b"a", b"b")
    assert (copy.state, copy.message) == (CopyState.FAILED, "The target is read-only.")


async def test_a_storage_that_is_not_the_users(bench: Bench) -> None:
    copy = await bench.copy(b"a", target="three")
    assert (copy.state, copy.message) == (CopyState.FAILED, "There is no such storage.")


async def test_a_storage_that_does_not_answer(bench: Bench) -> None:
    write(bench.one / "a")
    bench.storages.away.add("two")
    copy = bench.add(b"a")
    with pytest.raises(StorageUnavailable):
        await bench.jobs.work(copy)
    assert not bench.records.find(copy.id).state.final
    bench.storages.away.clear()
    await bench.jobs.work(bench.records.find(copy.id))
    assert bench.records.find(copy.id).state is CopyState.DONE


async def test_copies_in_both_directions_do_not_wait_for_each_other(bench: Bench) -> None:
    """The storages have two sessions together, and each transfer needs two."""
    bench.storages.here = True
    for name, root in bench.storages.roots.items():
        for number in range(20):
            write(root / name / str(number), content(1000))
        write(root / name / "large", content(2 * LARGE))
    copies = [bench.add(b"one"), bench.add(b"two", target="one")]
    bench.records.update(copies[1].id, lambda row: setattr(row, "source_storage", "two"))
    async with asyncio.timeout(60):
        await asyncio.gather(*(bench.jobs.work(bench.records.find(copy.id)) for copy in copies))
    assert {bench.records.find(copy.id).state for copy in copies} == {CopyState.DONE}
    assert tree(bench.one) == tree(bench.two)


@pytest.mark.timeout(600)
async def test_many_small_files(bench: Bench) -> None:
    for number in range(10_000):
        folder = bench.one / "many" / str(number % 100)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / str(number)).write_bytes(b"%d" % number)
    copy = await bench.copy(b"many")
    assert (copy.state, copy.files_done) == (CopyState.DONE, 10_000)
    assert tree(bench.two) == tree(bench.one)
    # Sessions are used again: at each end, some to look and some to transfer.
    assert bench.storages.opened <= 2 * 2 * SESSIONS


# --- what comes between ---------------------------------------------------------------------------


@pytest.mark.system
async def test_a_folder_that_cannot_be_read_is_told(bench: Bench) -> None:
    write(bench.one / "d" / "a")
    write(bench.one / "d" / "b" / "inner")
    write(bench.one / "d" / "c")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        bench.storages.roots = {
            name: root.rename(Path(folder) / name) for name, root in bench.storages.roots.items()
        }
        for path in Path(folder).rglob("*"):
            os.chown(path, NOBODY, NOBODY)
        (bench.one / "d" / "b").chmod(0)
        bench.storages.owner = ProgramOwner(NOBODY, NOBODY, (NOBODY,))
        copy = await bench.copy(b"d")
        await bench.storages.close()
        assert (bench.two / "d" / "c").read_bytes() == b"content"
    assert copy.state is CopyState.FAILED
    assert [problem["path"] for problem in copy.problems] == ["d/b"]


@pytest.mark.parametrize("size", [100, 2 * LARGE])
async def test_a_file_that_changes_once_is_copied_again(bench: Bench, size: int) -> None:
    path = write(bench.one / "d" / "file", content(size))
    later = content(size + 5)
    times = [1]

    def change(read: bytes) -> None:
        if times:
            times.pop()
            path.write_bytes(later)

    bench.storages.before_read = change
    copy = await bench.copy(b"d")
    assert (copy.state, messages(copy)) == (CopyState.DONE, [])
    assert (bench.two / "d" / "file").read_bytes() == later
    assert os.listdir(bench.two / "d") == ["file"]
    assert copy.bytes_done == size + 5


@pytest.mark.parametrize("size", [100, 2 * LARGE])
async def test_a_file_that_changes_all_the_time_is_told(bench: Bench, size: int) -> None:
    path = write(bench.one / "d" / "file", content(size))
    write(bench.one / "d" / "other")

    def change(read: bytes) -> None:
        if read == b"d/file":
            path.write_bytes(os.urandom(size))

    bench.storages.before_read = change
    copy = await bench.copy(b"d")
    assert copy.state is CopyState.FAILED
    text = "d/file: It changes while it is copied. Copy it again when it is at rest."
    assert messages(copy) == [text]
    assert os.listdir(bench.two / "d") == ["other"]


async def test_a_file_that_is_removed_meanwhile_is_told(bench: Bench) -> None:
    path = write(bench.one / "d" / "file")
    write(bench.one / "d" / "other")

    def remove(read: bytes) -> None:
        if read == b"d/file":
            path.unlink()

    bench.storages.before_read = remove
    copy = await bench.copy(b"d")
    assert copy.state is CopyState.FAILED
    assert messages(copy) == ["d/file: It was removed during the copy."]
    assert os.listdir(bench.two / "d") == ["other"]


@pytest.mark.parametrize("size", [100, 2 * LARGE])
async def test_what_arrives_damaged_gets_no_name(bench: Bench, size: int) -> None:
    write(bench.one / "d" / "file", content(size))
    bench.storages.damage = True
    copy = await bench.copy(b"d")
    assert copy.state is CopyState.FAILED
    assert os.listdir(bench.two / "d") == []


async def test_a_storage_that_goes_away_in_the_middle(bench: Bench) -> None:
    data = content(8 * LARGE)
    write(bench.one / "file", data)
    bench.storages.break_after = 3 * LARGE
    copy = bench.add(b"file")
    with pytest.raises(StorageUnavailable):
        await bench.jobs.work(copy)
    assert not (bench.two / "file").exists()
    bench.storages.break_after = None
    bench.storages.offsets.clear()
    await bench.jobs.work(bench.records.find(copy.id))
    copy = bench.records.find(copy.id)
    assert (copy.state, copy.bytes_done) == (CopyState.DONE, 8 * LARGE)
    assert (bench.two / "file").read_bytes() == data
    assert os.listdir(bench.two) == ["file"]
    # It went on where it had been broken off.
    assert bench.storages.offsets == [3 * LARGE]


async def test_cancelling_removes_the_part_file(bench: Bench) -> None:
    write(bench.one / "a" / "done")
    write(bench.one / "a" / "large", content(8 * LARGE))
    bench.storages.stall_after = 3 * LARGE
    copy = bench.add(b"a")
    work = asyncio.create_task(bench.jobs.work(copy), name="copy")
    await until(lambda: size_of_parts(bench.two) >= 3 * LARGE)
    bench.records.remove(copy.id, "alice")
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await bench.jobs.work(bench.records.find(copy.id))
    assert bench.records.find(copy.id).state is CopyState.CANCELLED
    assert os.listdir(bench.two / "a") == ["done"]


async def test_a_killed_service_goes_on_where_it_was(
    bench: Bench, records: CopyRecords, database: Database
) -> None:
    data = content(8 * LARGE)
    write(bench.one / "t" / "a", b"small")
    write(bench.one / "t" / "large", data)
    write(bench.one / "t" / "z", b"small")
    copy = bench.add(b"t")
    url = database.engine.url.render_as_string()
    service = subprocess.Popen(
        [sys.executable, "-c", SERVICE, url, str(bench.one), str(bench.two)],
        cwd=ROOT,
    )
    try:
        await until(lambda: size_of_parts(bench.two) >= 3 * LARGE)
    finally:
        service.kill()
        service.wait()
    assert records.find(copy.id).state is CopyState.RUNNING
    # The files program of the killed service ends with its channel.
    await until(lambda: not is_locked(part_files(bench.two)[0]))
    await bench.jobs.work(records.find(copy.id))
    assert records.find(copy.id).state is CopyState.DONE
    assert tree(bench.two) == tree(bench.one)
    assert [offset for offset in bench.storages.offsets if offset] == [3 * LARGE]


@pytest.mark.system
@pytest.mark.parametrize("size", [300 << 10, 6 * LARGE])
async def test_a_full_target(bench: Bench, tmp_path: Path, size: int) -> None:
    for number in range(6):
        write(bench.one / "d" / str(number), content(size))
    with small_disk(tmp_path / "disk", size + size // 2):
        bench.storages.roots["two"] = tmp_path / "disk"
        copy = await bench.copy(b"d")
        assert copy.state is CopyState.FAILED
        assert copy.message.startswith("The target is full. Free some space there")
        assert [path.name for path in (tmp_path / "disk" / "d").iterdir()] == ["0"]
        await bench.storages.close()
