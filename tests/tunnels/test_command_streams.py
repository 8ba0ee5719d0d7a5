"""Commands as byte streams: bytes both ways, their end, errors, and what holds a session."""

import asyncio
import hashlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rosetta_hub.errors import AuthenticationFailed
from rosetta_hub.ssh import Endpoint
from rosetta_hub.ssh.connection import SESSIONS, STREAMS
from rosetta_hub.ssh.errors import TimedOut
from rosetta_hub.ssh.keys import generate_key_pair
from rosetta_hub.tunnels import CommandStream, TunnelsClient, TunnelsUnavailable
from rosetta_hub.tunnels.command_streams import CommandHalf
from tests.support.eventually import until
from tests.tunnels.conftest import Rig, call

DEADLINE = 20
# More than all buffers on the way hold: SSH windows, sockets, pipes.
MUCH = 64 << 20


async def read_all(stream: CommandStream) -> bytes:
    return await asyncio.wait_for(stream.reader.read(), DEADLINE)


def write_pid(folder: Path, then: str) -> list[str]:
    """A command that tells its process id, and becomes another."""
    return ["sh", "-c", f'echo $$ > "$1"; exec {then}', "sh", str(folder / "pid")]


async def read_pid(folder: Path) -> int:
    file = folder / "pid"
    await until(lambda: file.exists() and file.read_text().endswith("\n"))
    return int(file.read_text())


def read_resident_kb(pid: int) -> int:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def send_until_full(stream: CommandStream) -> int:
    """The bytes that were sent when the command has taken none for a second."""
    for number in range(0, MUCH, 1 << 20):
        stream.writer.write(bytes(1 << 20))
        try:
            await asyncio.wait_for(stream.writer.drain(), 1)
        except TimeoutError:
            return number
    return MUCH


class Streams:
    """Opens streams, and closes all of them in the end."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._opened: list[CommandStream] = []

    async def open(
        self, argv: list[str], endpoint: Endpoint | None = None, timeout: float = DEADLINE
    ) -> CommandStream:
        stream = await self._rig.client.open_stream(endpoint or self._rig.endpoint, argv, timeout)
        self._opened.append(stream)
        return stream

    async def close(self) -> None:
        for stream in self._opened:
            stream.writer.transport.abort()
        # Transports close in a later round of the loop.
        await asyncio.sleep(0)


@pytest.fixture
async def streams(rig: Rig) -> AsyncIterator[Streams]:
    streams = Streams(rig)
    yield streams
    await streams.close()


@pytest.fixture
def stopped() -> Iterator[list[int]]:
    """Processes that are stopped, and killed in the end."""
    pids: list[int] = []
    yield pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


async def test_bytes_go_both_ways(rig: Rig, streams: Streams) -> None:
    """Every byte value, more than a window, in both directions at once."""
    data = bytes(range(256)) * (8 << 12)
    stream = await streams.open(["cat"])
    reading = asyncio.create_task(stream.reader.readexactly(len(data)))
    stream.writer.write(data)
    await asyncio.wait_for(stream.writer.drain(), DEADLINE)
    received = await asyncio.wait_for(reading, DEADLINE)
    assert hashlib.sha256(received).digest() == hashlib.sha256(data).digest()
    stream.writer.close()
    await until_ended(rig, stream, 0)


async def until_ended(rig: Rig, stream: CommandStream, returncode: int) -> None:
    async def has_ended() -> bool:
        return (await rig.client.stream_end(stream)).returncode == returncode

    await until(has_ended)


async def test_end_tells_status_and_last_words(rig: Rig, streams: Streams) -> None:
    script = "head -c 100000 /dev/zero >&2; echo out; echo no such thing >&2; exit 3"
    stream = await streams.open(["sh", "-c", script])
    assert await read_all(stream) == b"out\n"
    end = await rig.client.stream_end(stream)
    assert end.returncode == 3
    assert end.stderr.endswith("no such thing\n")
    assert len(end.stderr) < 5000


async def test_command_has_the_rest_of_its_output_after_the_end_of_its_input(
    rig: Rig, streams: Streams
) -> None:
    stream = await streams.open(["sha256sum"])
    stream.writer.write(b"abc")
    stream.writer.write_eof()
    assert (await read_all(stream)).split()[0].decode() == hashlib.sha256(b"abc").hexdigest()


async def test_errors_come_before_the_upgrade(rig: Rig, streams: Streams, tmp_path: Path) -> None:
    stranger = replace(
        rig.endpoint, identity="user eve", private_key=generate_key_pair("eve").private_key
    )
    with pytest.raises(AuthenticationFailed, match="authorized_keys"):
        await streams.open(["true"], stranger)
    with pytest.raises(TunnelsUnavailable):
        await TunnelsClient(tmp_path / "none.sock").open_stream(rig.endpoint, ["true"], DEADLINE)
    bodies: list[dict[str, object]] = [
        {"argv": ["true"], "timeout": 1},
        {"endpoint": rig.endpoint.to_document()},
    ]
    for body in bodies:
        assert (await call(rig, "POST", "/stream", body))[0] == 400
    assert (await call(rig, "GET", "/stream/0123", {}))[0] == 404


async def test_reader_that_waits_holds_up_the_command(rig: Rig, streams: Streams) -> None:
    """What is not read stays with the command: the process does not keep it."""
    pid = (await rig.client.status()).pid
    first = await streams.open(["cat"])
    before = read_resident_kb(pid)
    script = f"head -c {MUCH} /dev/zero; echo done >&2"
    stream = await streams.open(["sh", "-c", script])
    # It has begun to come, and others are served meanwhile.
    await stream.reader.readexactly(1 << 20)
    for _ in range(20):
        first.writer.write(b"x")
        await asyncio.wait_for(first.reader.readexactly(1), DEADLINE)
    assert (await rig.client.stream_end(stream)).stderr == ""
    assert read_resident_kb(pid) - before < MUCH / 1024 / 4
    rest = 1 << 20
    while data := await asyncio.wait_for(stream.reader.read(1 << 20), DEADLINE):
        rest += len(data)
    assert rest == MUCH
    await until_ended(rig, stream, 0)


async def test_command_that_does_not_read_holds_up_the_writer(
    rig: Rig, streams: Streams, tmp_path: Path, stopped: list[int]
) -> None:
    pid = (await rig.client.status()).pid
    stream = await streams.open(write_pid(tmp_path, "cat"))
    stopped.append(await read_pid(tmp_path))
    os.kill(stopped[0], signal.SIGSTOP)
    before = read_resident_kb(pid)
    assert await send_until_full(stream) < MUCH / 4
    assert read_resident_kb(pid) - before < MUCH / 1024 / 4
    await rig.client.close_stream(stream)


@pytest.mark.parametrize("command", ["cat", "cat /dev/zero"])
async def test_closed_stream_ends_its_command(
    rig: Rig, streams: Streams, tmp_path: Path, command: str
) -> None:
    """One that reads, and one that writes for ever."""
    stream = await streams.open(write_pid(tmp_path, command))
    pid = await read_pid(tmp_path)
    stream.writer.close()
    await until(lambda: not is_alive(pid))


async def test_command_that_goes_on_after_its_input_is_terminated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The signal comes first. An sshd into which root logs in, as here, sends none."""
    monkeypatch.setattr("rosetta_hub.tunnels.command_streams.END_GRACE", 0)
    calls: list[str] = []
    half = CommandHalf()
    half.connection_made(RecordingChannel(calls))
    half.write_end()
    half.close()
    assert calls == ["write_eof"]
    await until(lambda: len(calls) > 1)
    assert calls == ["write_eof", "terminate", "abort"]


class RecordingChannel:
    """Keeps the names of its methods that are called."""

    def __init__(self, calls: list[str]) -> None:
        self._calls = calls

    def __getattr__(self, name: str) -> Callable[[], None]:
        return lambda: self._calls.append(name)

    def get_extra_info(self, name: str) -> None:
        """Nothing."""


async def test_lost_connection_ends_streams(rig: Rig, streams: Streams, tmp_path: Path) -> None:
    stream = await streams.open(write_pid(tmp_path, "cat"))
    pid = await read_pid(tmp_path)
    rig.sshd.drop_connections()
    assert await read_all(stream) == b""
    assert (await rig.client.stream_end(stream)).returncode is None
    await until(lambda: not is_alive(pid))


async def test_forgotten_key_ends_streams(rig: Rig, streams: Streams, tmp_path: Path) -> None:
    stream = await streams.open(write_pid(tmp_path, "cat"))
    pid = await read_pid(tmp_path)
    await rig.client.forget_key(rig.endpoint)
    assert await read_all(stream) == b""
    await until(lambda: not is_alive(pid))


async def test_streams_leave_sessions_for_commands(rig: Rig, streams: Streams) -> None:
    """A fifth stream waits for one of the four to end; commands go on."""
    assert STREAMS <= SESSIONS // 2
    opened = [await streams.open(["cat"]) for _ in range(STREAMS)]
    results = await asyncio.gather(
        *(rig.client.run(rig.endpoint, ["echo", "ok"], "", DEADLINE) for _ in range(SESSIONS))
    )
    assert {item.stdout for item in results} == {"ok\n"}
    with pytest.raises(TimedOut, match="opened no session in time"):
        await streams.open(["cat"], timeout=0.5)
    waiting = asyncio.create_task(streams.open(["cat"]))
    opened[0].writer.close()
    await waiting


async def test_command_that_hangs_keeps_its_session(
    rig: Rig, streams: Streams, tmp_path: Path, stopped: list[int]
) -> None:
    """As sshd counts it: or else each new try would take one more, until no command runs."""
    for number in range(STREAMS):
        folder = tmp_path / str(number)
        folder.mkdir()
        stream = await streams.open(write_pid(folder, "cat"))
        stopped.append(await read_pid(folder))
        os.kill(stopped[-1], signal.SIGSTOP)
        await rig.client.close_stream(stream)
    with pytest.raises(TimedOut, match="file system of the host does not answer"):
        await streams.open(["cat"], timeout=5)
    assert (await rig.client.run(rig.endpoint, ["echo", "ok"], "", DEADLINE)).stdout == "ok\n"
    os.kill(stopped[0], signal.SIGCONT)
    await until(lambda: not is_alive(stopped[0]))
    del stopped[0]
    stream = await streams.open(["echo", "again"])
    assert await read_all(stream) == b"again\n"


async def test_two_users_have_their_own_connections(rig: Rig, streams: Streams) -> None:
    """The end of one's key is not the end of the other's stream."""
    bob = replace(rig.endpoint, identity="user bob")
    mine = await streams.open(["cat"])
    others = await streams.open(["cat"], bob)
    await rig.client.forget_key(rig.endpoint)
    assert await read_all(mine) == b""
    others.writer.write(b"still here")
    assert await asyncio.wait_for(others.reader.readexactly(10), DEADLINE) == b"still here"
