"""The smaller parts: logs, limits, usage, processes, answers."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rosetta_agent import limits, logs, processes, usage
from rosetta_agent.errors import StateUnknown, TaskFailure
from rosetta_agent.monitor import parse_wait_status
from rosetta_agent.readiness import build_request, probe

from .fake import wait_until
from .machine import is_running


def test_log_is_valid_utf8_whatever_comes(tmp_path: Path) -> None:
    path = str(tmp_path / "log")
    writer = logs.LogWriter(path)
    for piece in (b"a\xc3", b"\xa4b\xff", b"c\xe2\x82"):
        writer.write(piece)
    writer.close()
    assert Path(path).read_text() == "aäb\ufffdc\ufffd"
    assert Path(path).stat().st_mode & 0o777 == 0o600


def test_log_ends_with_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_LOG", 7 + len(logs.NOTE))
    writer = logs.LogWriter(str(tmp_path / "log"))
    for _ in range(4):
        writer.write("äää".encode())
    writer.close()
    assert (tmp_path / "log").read_text() == "äää" + logs.NOTE


@pytest.mark.parametrize("path", ["log", "/dev/full"])
def test_nothing_is_read_that_is_not_kept(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that floods its output keeps neither the engine's client nor the agent busy."""
    monkeypatch.setattr(logs, "MAX_LOG", 20_000)
    follower = logs.Follower(["yes", str(tmp_path)], str(tmp_path / path))
    follower.start()
    try:
        wait_until(lambda: not follower._thread.is_alive(), "it has ended", 20)
    finally:
        follower.finish(0.1)
    assert follower._process is not None
    assert follower._process.returncode is not None
    if path == "log":
        assert (tmp_path / "log").stat().st_size <= 20_000
        assert (tmp_path / "log").read_text().endswith(logs.NOTE)


def test_log_on_a_full_disk_is_lost_quietly() -> None:
    writer = logs.LogWriter("/dev/full")
    writer.write(b"text")
    writer.write(b"more")
    writer.close()


def test_chunks_never_cut_a_character(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_LOG_CHUNK", 5)
    path = tmp_path / "log"
    path.write_text("ääääää")
    offset, read = 0, ""
    while True:
        start, text = logs.read_chunk(str(path), offset)
        if not text:
            break
        assert start == offset
        offset, read = offset + len(text.encode()), read + text
    assert read == "ääääää"
    assert logs.read_chunk(str(tmp_path / "none"), 3) == (3, "")


def test_tail_begins_with_a_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("first line\nsecond\nthird\n")
    assert logs.tail(str(path), 100) == "first line\nsecond\nthird"
    assert logs.tail(str(path), 15) == "second\nthird"
    assert logs.tail(str(path), 3) == "ird"
    assert logs.tail(str(tmp_path / "none"), 3) == ""


@pytest.mark.parametrize(
    ("limit", "text"),
    [(None, ""), (2 << 30, " of 2 GiB"), (1610612736, " of 1.5 GiB"), (5, " of 5 bytes")],
)
def test_memory_in_words(limit: int | None, text: str) -> None:
    assert limits.describe_memory(limit) == text


def run_python(code: str) -> str:
    argv = [sys.executable, "-I", "-c", code]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(("cpus", "expected"), [(0.5, 1), (1, 1), (1000, os.cpu_count())])
def test_processors(cpus: float, expected: int) -> None:
    code = f"""import os
from rosetta_agent.limits import apply_cpus
apply_cpus({cpus}); print(len(os.sched_getaffinity(0)))"""
    assert int(run_python(code)) == expected


def test_memory_of_a_tree() -> None:
    code = "x = bytearray(50 << 20); print('ready', flush=True); input()"
    shell = ["sh", "-c", f'"{sys.executable}" -c "{code}"; true']
    with subprocess.Popen(shell, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert limits.exceeds(process.pid, 50 << 20)
        assert not limits.exceeds(process.pid, 500 << 20)
        result = usage.measure_tree(process.pid)
        assert result is not None
        assert result.memory > 50 << 20
        assert result.cpu_seconds > 0
        process.communicate(b"\n")


def test_cgroups() -> None:
    text = "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/system.slice/x\n"
    assert usage.parse_cgroups(text) == {
        "memory": "/docker/abc",
        "cpu": "/docker/abc",
        "cpuacct": "/docker/abc",
        "": "/system.slice/x",
    }
    assert usage.parse_counters("usage_usec 12\nx y\nanon 3\n\n") == {"usage_usec": 12, "anon": 3}


def test_stat_of_a_process_with_a_strange_name() -> None:
    text = "42 (a) b) S 7 42 42 0 -1 4194304 1 0 0 0 30 12 0 0 20 0 1 0 5555 9 100 1844\n"
    assert processes.parse_stat(text) == {
        "dead": 0,
        "parent": 7,
        "cpu_ticks": 42,
        "started": 5555,
        "resident_pages": 100,
    }


def test_identity_of_a_process() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        identity = processes.identify(process.pid)
        assert identity is not None
        assert processes.is_alive(identity)
        assert not processes.is_alive(identity._replace(started=identity.started + 1))
        processes.send(identity._replace(started=1), signal.SIGKILL)
        assert processes.is_alive(identity)
        processes.terminate(identity, 5)
        assert not processes.is_alive(identity)


def test_tree_is_killed() -> None:
    argv = ["sh", "-c", "sleep 60 & echo $!; wait"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert child in processes.descendants(process.pid)
        processes.kill_tree(processes.identify(process.pid))
    wait_until(lambda: not is_running(child), "the child is gone")


def test_program_that_is_missing_or_hangs() -> None:
    with pytest.raises(TaskFailure, match="nosuch is not installed"):
        processes.run(["nosuch"], 1)
    with pytest.raises(StateUnknown):
        processes.run(["sleep", "60"], 0.1)


def test_capabilities() -> None:
    assert processes.parse_capabilities("Name:\tx\nCapEff:\t0000000000200000\n") == 1 << 21
    assert processes.parse_capabilities("") == 0


def test_wait_status() -> None:
    assert parse_wait_status(3 << 8) == 3
    assert parse_wait_status(9) == 137


@contextmanager
def server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server on loopback that talks with its first client."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _peer = listener.accept()
            with connection, contextlib.suppress(ConnectionError):
                talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def say(data: bytes) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        for piece in (data[:3], data[3:]):
            connection.sendall(piece)
        connection.settimeout(5)
        connection.recv(1000)

    return talk


def hang_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def listen(connection: socket.socket) -> None:
    while connection.recv(1000):
        pass


@pytest.mark.parametrize(
    ("protocol", "talk", "expected"),
    [
        ("http", say(b"HTTP/1.1 503 not yet\r\n\r\n"), True),
        ("http", say(b"SSH-2.0-x\r\n"), False),
        ("http", hang_up, False),
        ("http", listen, False),
        ("http", say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), True),
        ("https", say(b"HTTP/1.1 400 no TLS\r\n\r\n"), False),
        ("ssh", say(b"SSH-2.0-OpenSSH_9.2\r\n"), True),
        ("ssh", say(b"HTTP/1.1 200\r\n"), False),
        ("ssh", hang_up, False),
        ("vnc", say(b"RFB 003.008\n"), True),
        ("tcp", listen, True),
        ("tcp", hang_up, False),
    ],
)
def test_answer(protocol: str, talk: Callable[[socket.socket], None], expected: bool) -> None:
    with server(talk) as port:
        result = probe(("127.0.0.1", port), protocol, "/", 0.5)
        assert result == (protocol if expected else None)


def test_no_answer_where_nobody_listens(tmp_path: Path) -> None:
    assert probe(str(tmp_path / "none.sock"), "http", "/", 1) is None


def test_request() -> None:
    assert build_request("/lab").startswith(b"GET /lab HTTP/1.1\r\nHost: localhost\r\n")
