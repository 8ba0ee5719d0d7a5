"""Parts of the files program: what the system may answer, and what old systems lack."""

import ctypes
import errno
import io
import json
import os
import stat
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rosetta_agent import safe_paths
from rosetta_agent.files import (
    archive_writers,
    archives,
    channel,
    copying,
    errors,
    frames,
    looking,
    pending_files,
    server,
    space,
    storage,
    trees,
    uploads,
    writing,
)
from rosetta_agent.files.names import free_names
from rosetta_agent.files.request import Request


class FakeChannel(channel.Channel):
    """Keeps what is sent; gives prepared data."""

    def __init__(self, *data: bytes) -> None:
        self.documents: list[dict[str, Any]] = []
        self.sent = b""
        self._data = data

    def send(self, document: dict[str, Any]) -> None:
        self.documents.append(document)

    def send_data(self, data: memoryview) -> None:
        self.sent += data

    def receive_data(self) -> Iterator[memoryview]:
        return map(memoryview, self._data)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[storage.Storage]:
    """A storage in the temporary directory."""
    root = os.open(tmp_path, os.O_RDONLY)
    yield storage.Storage(root)
    os.close(root)


def failing(number: int) -> Callable[..., Any]:
    """A function of the system's that fails."""

    def fail(*_arguments: Any, **_options: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


# --- errors of the system ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.EDQUOT, "quota"),
        (errno.ENOSPC, "no_space"),
        (errno.ESTALE, "stale"),
        (errno.EFBIG, "too_large"),
        (errno.EIO, "failed"),
    ],
)
def test_error_while_writing_leaves_the_old_file(
    opened: storage.Storage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    code: str,
) -> None:
    (tmp_path / "file").write_text("old")
    request = Request({"path": "file"})
    for function in ("write", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(os, function, failing(number))
            with pytest.raises(errors.FilesError) as error:
                writing.write(opened, request, FakeChannel(b"new"))
        assert error.value.code == code
        assert "“file”" in error.value.message
        assert os.listdir(tmp_path) == ["file"]
        assert (tmp_path / "file").read_text() == "old"


def test_quota_in_an_upload_keeps_what_is_there(
    opened: storage.Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {"path": "file", "upload": "u", "length": 6, "offset": 0}
    uploads.create(opened, Request(fields), FakeChannel())
    write, calls = os.write, iter(range(9))

    def short(file: int, data: Any) -> int:
        if next(calls) > 0:
            raise OSError(errno.EDQUOT, "quota")
        return write(file, data[:2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", short)
        with pytest.raises(errors.FilesError) as error:
            uploads.write(opened, Request(fields), FakeChannel(b"abc"))
    assert error.value.code == "quota"
    assert uploads.state(opened, Request(fields), FakeChannel())["offset"] == 2
    assert not (tmp_path / "file").exists()


def test_every_code_has_a_message_and_is_of_the_protocol() -> None:
    assert set(errors._CODES.values()) <= set(frames.CODES)
    assert set(errors._CODES.values()) == set(errors._MESSAGES)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (b"a/b", "“a/b”"),
        (b"", "The storage"),
        (b"caf\xe9\n\x1b[31m", "“caf\\xe9\\n\\x1b[31m”"),
        ("Ü".encode(), "“Ü”"),
        (b"x" * 300, "“…" + "x" * 200 + "”"),
    ],
)
def test_paths_in_messages(path: bytes, text: str) -> None:
    assert errors.show(path) == text


def test_entry_that_has_become_a_link_is_not_followed(
    opened: storage.Storage, tmp_path: Path
) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "file").touch()
    for name in ("d", "file"):
        info = os.lstat(tmp_path / name)
        (tmp_path / f"link to {name}").symlink_to(name)
        place = storage.Place(opened.root, f"link to {name}".encode(), b"")
        with pytest.raises(errors.FilesError):
            os.close(storage.open_child(place, info))


# --- what old systems lack -----------------------------------------------------------------------


@pytest.fixture
def old_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel without openat2."""
    monkeypatch.setattr(safe_paths, "has_openat2", lambda: False)
    monkeypatch.setattr(storage, "has_openat2", lambda: False)


@pytest.mark.usefixtures("old_kernel")
def test_old_kernels_follow_no_links(opened: storage.Storage, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "file").write_text("x")
    (tmp_path / "to d").symlink_to("d")
    (tmp_path / "to file").symlink_to("d/file")
    (tmp_path / "out").symlink_to("/etc")
    with opened.file(b"d/file") as file:
        assert os.read(file, 10) == b"x"
    for path in (b"to d/file", b"to file", b"out/passwd"):
        with pytest.raises(errors.FilesError), opened.file(path):
            pass
    for path in (b"to file", b"out/new", b"to d/new"):
        with pytest.raises(errors.FilesError):
            writing.write(opened, Request({"path": os.fsdecode(path)}), FakeChannel(b"y"))
    entry = looking.stat_entry(opened, Request({"path": "to d"}), FakeChannel())["entry"]
    assert (entry["type"], entry["target"], entry["target_type"]) == ("link", "d", None)
    writing.write(opened, Request({"path": "d/file"}), FakeChannel(b"y"))
    trees.remove(opened, Request({"paths": ["to d", "out"]}), FakeChannel())
    assert (tmp_path / "d" / "file").read_text() == "y"


def without_renameat2(patch: pytest.MonkeyPatch, number: int) -> None:
    """File systems such as NFS answer EINVAL, old kernels ENOSYS."""

    def fail(*_arguments: Any) -> int:
        ctypes.set_errno(number)
        return -1

    patch.setattr(pending_files, "_rename_noreplace", fail)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS])
@pytest.mark.parametrize("has_links", [True, False])
def test_names_are_not_taken_away_without_renameat2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, has_links: bool
) -> None:
    without_renameat2(monkeypatch, number)
    if not has_links:
        monkeypatch.setattr(os, "link", failing(errno.EPERM))
    (tmp_path / "file").write_text("new")
    (tmp_path / "taken").write_text("old")
    (tmp_path / "d").mkdir()
    (tmp_path / "link").symlink_to("file")
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        for name in (b"file", b"d", b"link"):
            with pytest.raises(FileExistsError):
                pending_files.rename_new((directory, name), (directory, b"taken"))
            pending_files.rename_new((directory, name), (directory, name + b"2"))
    finally:
        os.close(directory)
    assert sorted(os.listdir(tmp_path)) == ["d2", "file2", "link2", "taken"]
    assert (tmp_path / "taken").read_text() == "old"
    assert os.readlink(tmp_path / "link2") == "file"


@pytest.mark.parametrize("lacking", ["FICLONE", "copy_file_range"])
def test_copy_without_help_of_the_file_system(
    opened: storage.Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    content = os.urandom(1 << 20) + b"end"
    (tmp_path / "file").write_bytes(content)
    monkeypatch.setattr("fcntl.ioctl", failing(errno.EOPNOTSUPP))
    if lacking == "copy_file_range":
        sizes = iter([1000, -1])
        copy_range = copying._copy_range

        def stop_early(source: int, target: int, length: int) -> int:
            size = next(sizes)
            return copy_range(source, target, size) if size > 0 else size

        monkeypatch.setattr(copying, "_copy_range", stop_early)
    result = copying.copy(opened, Request({"from": "file", "to": "copy"}), FakeChannel())
    assert (tmp_path / "copy").read_bytes() == content
    assert result["bytes"] == len(content)


# --- answers -------------------------------------------------------------------------------------


def test_progress_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    message = FakeChannel()
    progress = channel.OperationProgress(message)
    for second in (100.1, 100.4, 100.6, 100.7, 101.2):
        now = second
        progress.files += 1
        progress.bytes += 10
        progress.tick()
    assert message.documents == [
        {"progress": {"files": 3, "bytes": 30}},
        {"progress": {"files": 5, "bytes": 50}},
    ]


@pytest.mark.parametrize("operation", [trees.walk, trees.summary, trees.remove, copying.copy])
def test_long_operations_tell_that_they_go_on(
    opened: storage.Storage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    operation: Callable[..., Any],
) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "file").write_text("x")
    monkeypatch.setattr(channel, "PROGRESS_INTERVAL", 0)
    message = FakeChannel()
    operation(opened, Request({"paths": ["d"], "from": "d", "to": "e"}), message)
    assert len([document for document in message.documents if "progress" in document]) >= 2


def test_documents_with_entries_are_never_too_long() -> None:
    message = FakeChannel()
    sender = channel.EntrySender(message)
    for number in range(1200):
        sender.add({"name": str(number), "target": "\udcff" * 4000 if number % 2 else None})
    sender.flush()
    sizes = [len(frames.build_document(document)) for document in message.documents]
    assert max(sizes) <= frames.MAX_JSON
    names = [entry["name"] for document in message.documents for entry in document["entries"]]
    assert names == [str(number) for number in range(1200)]
    assert max(len(document["entries"]) for document in message.documents) <= frames.MAX_ENTRIES


def test_frames_on_pipes_that_take_and_give_little() -> None:
    reading, writing = os.pipe()
    back, answers = os.pipe()
    try:
        server_side = channel.Channel(reading, answers)
        payload = frames.build_document({"op": "write"})
        request = frames.build_header(frames.JSON, len(payload)) + payload
        sender = threading.Thread(
            target=lambda: [os.write(writing, request[i : i + 1]) for i in range(len(request))]
        )
        sender.start()
        assert server_side.receive() == {"op": "write"}
        sender.join()
        server_side.send({"done": True})
        assert os.read(back, 5) == b"J" + (13).to_bytes(4, "big")
        assert json.loads(os.read(back, 13)) == {"done": True}
        os.close(back)
        with pytest.raises(errors.ChannelEnded):
            server_side.send({"done": True})
        os.write(writing, b"J\0")
        os.close(writing)
        with pytest.raises(errors.ChannelEnded):
            server_side.receive()
    finally:
        os.close(reading)
        os.close(answers)


def test_unexpected_errors_are_answers(
    opened: storage.Storage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_arguments: Any) -> dict[str, Any]:
        raise ZeroDivisionError

    monkeypatch.setitem(server._LOOKING, "stat", fail)
    answer = server._answer(opened, FakeChannel(), Request({"op": "stat"}))
    assert answer["error"] == "failed"
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_process_that_ends_while_a_file_is_given_up_leaves_nothing(
    opened: storage.Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other thread, which removes what is pending then, comes before the one that wrote."""
    unlink = os.unlink

    def end_before(name: Any, **options: Any) -> None:
        monkeypatch.setattr(os, "unlink", unlink)
        monkeypatch.setattr(pending_files, "_lock", threading.Lock())
        pending_files.remove_pending()
        calls.append(os.listdir(tmp_path))
        unlink(name, **options)

    calls: list[list[str]] = []
    with opened.target(b"file") as place, pending_files.PendingFile(place):
        monkeypatch.setattr(os, "unlink", end_before)
    assert calls == [[]]


# --- names, space, archives ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "second"),
    [
        (b"a.txt", b"a (1).txt"),
        (b"a", b"a (1)"),
        (b".bashrc", b".bashrc (1)"),
        (b"a.tar.gz", b"a.tar (1).gz"),
        (b"caf\xe9.x", b"caf\xe9 (1).x"),
        (b"x" * 255, b"x" * 251 + b" (1)"),
        (("ü" * 127).encode(), ("ü" * 125).encode() + b" (1)"),
    ],
)
def test_names_beside_one_that_is_taken(name: bytes, second: bytes) -> None:
    names = list(free_names(name))
    assert names[:2] == [name, second]
    assert len(set(names)) == 1000
    assert max(len(item) for item in names) <= 255


QUOTAS = {
    # quota 4.06: used, soft, hard, grace; the same for files
    "ext4": "Disk quotas for user a (uid 5000): \n     Filesystem  blocks   quota   limit   grace"
    "   files   quota   limit   grace\n        /home     1234*   1000    2000    0       5"
    "       0       0       0\n",
    "lustre": "     /lustre/a  1234    1000    2000       -       5       0       0       -\n",
    "hard alone": "  /home 1234 0 2000 0 5 0 0 0\n",
    "none": "  /home 1234 0 0 0 5 0 0 0\n",
    "nothing": "Disk quotas for user a (uid 5000): none\n",
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ext4", (1234 * 1024, 1000 * 1024)),
        ("lustre", (1234 * 1024, 1000 * 1024)),
        ("hard alone", (1234 * 1024, 2000 * 1024)),
        ("none", None),
        ("nothing", None),
    ],
)
def test_quotas(name: str, expected: space.Quota | None) -> None:
    assert space.parse_quota(QUOTAS[name]) == expected


def test_commands_that_tell_quotas() -> None:
    assert space.build_quota_command(space.Mount("/l", "lustre"), 5) == [
        *("lfs", "quota", "-q", "-u", "5", "/l")
    ]
    assert space.build_quota_command(space.Mount("/h", "ext4"), 5) == [
        *("quota", "--verbose", "--no-wrap", "--raw-grace", "--show-mntpoint", "--hide-device"),
        "--filesystem=/h",
    ]


def test_mounts() -> None:
    mounts = space.parse_mounts(
        "36 35 98:0 /m1 /mnt/a\\040b rw,noatime master:1 - ext3 /dev/root rw\n"
        "37 35 0:45 / /nfs rw - nfs4 host:/x rw\n"
    )
    assert mounts == {
        os.makedev(98, 0): space.Mount("/mnt/a b", "ext3"),
        os.makedev(0, 45): space.Mount("/nfs", "nfs4"),
    }


def test_quota_of_a_storage(
    opened: storage.Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "quota"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho '/home 10 0 20 0 1 0 0 0'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    usage = space.measure(opened)
    assert (usage["quota_used"], usage["quota"]) == (10240, 20480)
    program.write_text("#!/bin/sh\nexit 1\n")
    assert space.measure(opened)["quota"] is None


def test_opening_does_not_wait_for_quotas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "read_quota", failing(errno.EIO))
    message = FakeChannel()
    monkeypatch.setattr(message, "receive", lambda: {"version": 1, "root": str(tmp_path)})
    served = server._open(message, None)
    assert served is not None
    os.close(served.root)
    (answer,) = message.documents
    assert answer["done"] is True
    assert answer["usage"]["free"] > 0


def test_old_parts_are_swept(
    opened: storage.Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create(upload: str) -> None:
        uploads._swept.clear()
        fields = {"path": "file", "upload": upload, "length": 5}
        uploads.create(opened, Request(fields), FakeChannel())

    create("old")
    (tmp_path / ".0123.rosetta-part").touch()
    (tmp_path / ".lost.rosetta-part.json").touch()
    (tmp_path / "rosetta-part").touch()
    create("fresh")
    assert len(os.listdir(tmp_path)) == 7
    later = 8 * 24 * 3600
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + later)
    create("new")
    assert sorted(os.listdir(tmp_path)) == [
        *(".new.rosetta-part", ".new.rosetta-part.json", "rosetta-part")
    ]


@pytest.mark.parametrize(
    ("paths", "start"),
    [
        ([b"a"], 0),
        ([b"a/b", b"a/c"], 2),
        ([b"a/b/c", b"a/bc/d"], 2),
        ([b"a/b", b"c"], 0),
        ([b"a/b/c"], 4),
        ([b""], 0),
    ],
)
def test_where_names_in_archives_begin(paths: list[bytes], start: int) -> None:
    assert archive_writers.common_start(paths) == start


def test_archive_of_the_whole_storage(opened: storage.Storage, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("x")
    message = FakeChannel()
    archives.archive_tar(opened, Request({"paths": [""]}), message)
    with tarfile.open(fileobj=io.BytesIO(message.sent)) as archive:
        assert archive.getnames() == ["d", "d/f"]


@pytest.mark.parametrize(("seconds", "year"), [(0, 1980), (10**9, 2001), (1 << 40, 2107)])
def test_dates_in_zip(seconds: float, year: int) -> None:
    assert archive_writers.zip_date(seconds)[0] == year


def test_copies_do_not_keep_what_runs_as_the_owner(opened: storage.Storage, tmp_path: Path) -> None:
    (tmp_path / "program").touch()
    (tmp_path / "program").chmod(0o4755)
    copying.copy(opened, Request({"from": "program", "to": "copy"}), FakeChannel())
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o755
