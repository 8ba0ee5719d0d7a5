"""What happens when a channel ends, is silent, or says what is not of the protocol."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rosetta_agent.files.frames import DATA, JSON, Frame, build_header
from rosetta_hub.agents.programs import FILES_PROGRAM
from rosetta_hub.errors import FilesError
from rosetta_hub.files import answer, channel_local
from rosetta_hub.files import session as session_module
from rosetta_hub.files.channel import StorageUnavailable
from rosetta_hub.files.channel_local import open_local_channel
from rosetta_hub.files.entries import OperationProgress
from rosetta_hub.files.session import FilesSession
from tests.agent.machine import PYTHONS

from .helpers import chunks, fails, left_over, open_session


async def ended(pid: int) -> None:
    """Wait until a process is gone."""
    async with asyncio.timeout(30):
        while Path(f"/proc/{pid}").exists():
            await asyncio.sleep(0.01)


# --- the program ends with its channel -----------------------------------------------------------


@pytest.fixture
def never_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs have to end by themselves."""
    monkeypatch.setattr(channel_local, "_END_TIMEOUT", 1000)


@contextlib.asynccontextmanager
async def busy_program(root: Path) -> AsyncIterator[tuple[FilesSession, int]]:
    channel = await open_local_channel(None)
    session = FilesSession(channel)
    try:
        await session.open(os.fsencode(root))
        yield session, channel.pid
    finally:
        session.close()
        await session.wait_closed()


@pytest.mark.usefixtures("never_killed")
async def test_program_ends_in_the_middle_of_a_long_operation(root: Path) -> None:
    with (root / "large").open("wb") as file:
        file.truncate(1 << 43)  # the checksum takes days
    async with busy_program(root) as (session, pid):
        checksum = asyncio.create_task(session.checksum(b"large", lambda _: started.set()))
        started = asyncio.Event()
        await started.wait()
        checksum.cancel()
        with pytest.raises(asyncio.CancelledError):
            await checksum
        assert session.is_closed
        await ended(pid)
        with pytest.raises(StorageUnavailable):
            await session.stat(b"")


@pytest.mark.usefixtures("never_killed")
async def test_program_ends_while_nobody_reads(root: Path) -> None:
    with (root / "large").open("wb") as file:
        file.truncate(1 << 40)
    async with busy_program(root) as (session, pid):
        async with session.read(b"large") as reading:
            await anext(reading.chunks)
        assert session.is_closed
        await ended(pid)


@pytest.mark.usefixtures("never_killed")
async def test_write_that_is_given_up_leaves_nothing(root: Path) -> None:
    (root / "file").write_text("old")

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        async with asyncio.timeout(30):
            while not left_over(root):
                await asyncio.sleep(0.01)
        raise ConnectionResetError

    async with busy_program(root) as (session, pid):
        with pytest.raises(ConnectionResetError):
            await session.write(b"file", body())
        assert session.is_closed
        await ended(pid)
    assert os.listdir(root) == ["file"]
    assert (root / "file").read_text() == "old"


# An operation that hangs, as on a file server that is away, sends nothing and receives nothing.
HANGING = """
import time
from rosetta_agent.files import server
server._LOOKING["stat"] = lambda *_: server.sys.stderr.write("hangs\\n") and time.sleep(1000)
server.main([])
"""


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("has_pipes", [True, False])
async def test_program_ends_while_an_operation_hangs(
    root: Path, python: str, has_pipes: bool
) -> None:
    mine, theirs = socket.socketpair()
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *(python, "-B", "-c", HANGING),
        stdin=reading if has_pipes else theirs.fileno(),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2] / "agent",
    )
    theirs.close()
    os.close(reading)
    for request in ({"version": 1, "root": str(root)}, {"op": "stat", "path": ""}):
        payload = json.dumps(request).encode()
        os.write(
            writing if has_pipes else mine.fileno(), build_header(JSON, len(payload)) + payload
        )
    assert process.stderr is not None
    assert await process.stderr.readline() == b"hangs\n"
    os.close(writing)
    mine.close()
    async with asyncio.timeout(30):
        await process.wait()


async def test_a_stopped_program_has_gone_when_the_channel_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It does not end by itself, so it is killed, and nobody is left to wait for it."""
    monkeypatch.setattr(channel_local, "_END_TIMEOUT", 2)
    channel = await open_local_channel(None)
    os.kill(channel.pid, signal.SIGSTOP)
    channel.close()
    await channel.wait_closed()
    assert not Path(f"/proc/{channel.pid}").exists()


async def test_answer_that_comes_before_the_end_of_the_data(root: Path) -> None:
    count = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal count
        while True:
            count += 1
            yield b"x" * 100_000
            await asyncio.sleep(0)

    async with open_session(root) as session:
        with fails("not_found"):
            await session.write(b"absent/file", body())
        assert not session.is_closed
        assert (await session.stat(b"")).type == "directory"
    assert count > 0


async def test_error_leaves_the_session_open(root: Path) -> None:
    async with open_session(root) as session:
        with fails("not_found"):
            await session.stat(b"absent")
        with fails("not_found"):
            async with session.read(b"absent"):
                pass
        with fails("invalid"):
            await session.summary([b"x" * 3_000_000])
        await session.write(b"file", chunks(b"x"))
        assert not session.is_closed


async def test_one_operation_at_a_time(root: Path) -> None:
    (root / "file").write_bytes(b"content")
    async with open_session(root) as session:
        async with session.read(b"file") as reading:
            with pytest.raises(RuntimeError):
                await session.stat(b"file")
            assert [chunk async for chunk in reading.chunks] == [b"content"]
        assert (await session.stat(b"file")).size == 7


async def test_program_that_ends_by_itself(root: Path) -> None:
    async with busy_program(root) as (session, pid):
        os.kill(pid, 9)
        with pytest.raises(StorageUnavailable):
            await session.stat(b"")
        assert session.is_closed


async def test_python_that_does_not_exist() -> None:
    with pytest.raises(StorageUnavailable):
        await open_local_channel(None, "/no/such/python")


# --- the program as it is sent -------------------------------------------------------------------


@pytest.mark.parametrize("python", PYTHONS)
async def test_nothing_is_written(python: str, root: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    process = await asyncio.create_subprocess_exec(
        *FILES_PROGRAM.command(python),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"HOME": str(home), "TMPDIR": str(home)},
        cwd=home,
    )
    request = json.dumps({"version": 1, "root": str(root)}).encode()
    program = FILES_PROGRAM.stdin() + build_header(JSON, len(request)) + request
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(program)
    header = await process.stdout.readexactly(5)
    answer = json.loads(await process.stdout.readexactly(int.from_bytes(header[1:], "big")))
    assert answer["done"] is True
    assert answer["uid"] == os.geteuid()
    process.stdin.close()
    assert await process.wait() in (0, 1)
    assert list(home.iterdir()) == []


async def test_python_that_is_too_old() -> None:
    text = FILES_PROGRAM.stdin().replace(b"_OLDEST = (3, 6)", b"_OLDEST = (9, 9)")
    process = await asyncio.create_subprocess_exec(
        *FILES_PROGRAM.command(sys.executable),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _err = await process.communicate(text)
    assert json.loads(out[5:])["message"].startswith("Python 3.6 or newer is needed")
    assert process.returncode == 2


@pytest.mark.parametrize("python", PYTHONS)
async def test_verb_of_the_agent(python: str, root: Path) -> None:
    folder = Path(__file__).parents[2] / "agent"
    process = await asyncio.create_subprocess_exec(
        *(python, "-B", "-m", "rosetta_agent", "files"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=folder,
    )
    requests = [{"version": 1, "root": str(root)}, {"op": "stat", "path": ""}]
    payloads = [json.dumps(request).encode() for request in requests]
    assert process.stdin is not None
    assert process.stdout is not None
    for payload in payloads:
        process.stdin.write(build_header(JSON, len(payload)) + payload)
        header = await process.stdout.readexactly(5)
        answer = json.loads(await process.stdout.readexactly(int.from_bytes(header[1:], "big")))
    assert answer["entry"]["type"] == "directory"
    process.stdin.close()
    await process.wait()


@pytest.mark.parametrize(
    ("first", "error"),
    [
        ({"version": 2, "root": "/tmp"}, "invalid"),
        ({"version": 1, "root": "tmp"}, "invalid"),
        ({"version": 1}, "invalid"),
        ({"op": "stat", "path": ""}, "invalid"),
    ],
)
async def test_first_requests_that_are_refused(first: dict[str, Any], error: str) -> None:
    channel = await open_local_channel(None)
    try:
        await channel.send(JSON, json.dumps(first).encode())
        assert json.loads((await channel.receive()).payload)["error"] == error
        with pytest.raises(StorageUnavailable):
            await channel.receive()
    finally:
        channel.close()
        await channel.wait_closed()


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"op": "no such"},
        {"op": 5},
        {"op": "stat"},
        {"op": "stat", "path": 5},
        {"op": "stat", "path": "\ud800"},
        {"op": "remove", "paths": []},
        {"op": "remove", "paths": ["a", "./a"]},
        {"op": "remove", "paths": "a"},
        {"op": "list", "path": "", "filter": "", "offset": -1, "limit": 1},
        {"op": "list", "path": "", "filter": "", "offset": True, "limit": 1},
        {"op": "list", "path": "", "filter": "", "offset": 0, "limit": 1, "sort": "color"},
        {"op": "copy", "from": "a", "to": "b", "conflict": "explode"},
    ],
)
async def test_requests_that_are_refused(root: Path, request_: dict[str, Any]) -> None:
    async with open_session(root) as session:
        channel = session._channel
        await channel.send(JSON, json.dumps(request_).encode())
        document = json.loads((await channel.receive()).payload)
        assert document["error"] == "invalid"
        assert document["message"]
        assert (await session.stat(b"")).type == "directory"


# --- the other side may be anything --------------------------------------------------------------


class FakeChannel:
    """Answers each request with the same frames."""

    def __init__(self, *frames: Frame | Exception) -> None:
        self.frames = list(frames)
        self.is_closed = False

    @property
    def has_ended(self) -> bool:
        return self.is_closed

    async def send(self, kind: bytes, payload: bytes) -> None:
        pass

    async def receive(self) -> Frame:
        if not self.frames:
            await asyncio.get_running_loop().create_future()
        frame = self.frames.pop(0)
        if isinstance(frame, Exception):
            raise frame
        return frame

    def close(self) -> None:
        self.is_closed = True

    async def wait_closed(self) -> None:
        pass


def document(**fields: Any) -> Frame:
    return Frame(JSON, json.dumps(fields).encode())


@pytest.mark.parametrize(
    "frames",
    [
        [Frame(JSON, b"no JSON")],
        [Frame(JSON, b"[]")],
        [Frame(JSON, b"\xff")],
        [Frame(DATA, b"data")],
        [document(done=True)],
        [document(done=True, entry=[])],
        [document(done=True, entry={"name": "x", "type": "no such"})],
        [StorageUnavailable("ended")],
    ],
)
async def test_answers_of_no_use_close_the_session(frames: list[Frame]) -> None:
    channel = FakeChannel(*frames)
    session = FilesSession(channel)
    with pytest.raises(StorageUnavailable):
        await session.stat(b"x")
    assert channel.is_closed


async def test_storage_that_is_silent() -> None:
    channel = FakeChannel()
    session = FilesSession(channel, answer_timeout=0.01)
    with pytest.raises(StorageUnavailable, match="does not answer"):
        await session.stat(b"x")
    assert channel.is_closed


async def test_end_of_an_upload_may_wait_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "WRITTEN_TIMEOUT", 0.01)
    session = FilesSession(FakeChannel(), answer_timeout=1000)
    with pytest.raises(StorageUnavailable, match="does not answer"):
        await session.part_finish(b"x", "u")


async def test_storage_that_becomes_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "FRAME_TIMEOUT", 0.01)
    progress = {"files": 1, "bytes": 2}
    channel = FakeChannel(document(progress=progress), document(progress=progress))
    session = FilesSession(channel, answer_timeout=0.01)
    message: list[OperationProgress] = []
    with pytest.raises(StorageUnavailable, match="does not answer"):
        await session.summary([b"x"], message.append)
    assert message == [OperationProgress(1, 2), OperationProgress(1, 2)]


async def test_error_of_an_unknown_code_and_a_long_message() -> None:
    session = FilesSession(FakeChannel(document(error="strange", message="x" * 9999)))
    with pytest.raises(FilesError) as error:
        await session.stat(b"x")
    assert (error.value.code, error.value.status) == ("strange", 400)
    assert len(str(error.value)) == 1000


@pytest.mark.parametrize(
    "header", [b"X\0\0\0\1", b"D\0\x04\0\1", b"J\0\x10\0\1", b"J\xff\xff\xff\xff"]
)
async def test_frames_that_are_none(header: bytes) -> None:
    from rosetta_hub.files.channel import StreamChannel

    reader = asyncio.StreamReader()
    reader.feed_data(header)
    channel = StreamChannel(reader, None)  # type: ignore[arg-type]
    with pytest.raises(StorageUnavailable):
        await channel.receive()


def test_program_goes_through_any_login_shell() -> None:
    """The shell of csh's family can't quote line ends, nor exclamation marks."""
    command = FILES_PROGRAM.command("/usr/bin/env python3", ["1000", "1000", "1000"])
    assert not set("".join(command)) & set("\n!'")
