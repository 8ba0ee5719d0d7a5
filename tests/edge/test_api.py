"""The service's way in, and its client."""

import asyncio
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rosetta_hub.edge import (
    EdgeClient,
    EdgeError,
    EdgeUnavailable,
    Session,
    TaskListener,
    UnixTarget,
)
from rosetta_hub.errors import Unavailable
from rosetta_hub.sidecar_client import build_request, parse_answer

if TYPE_CHECKING:
    from tests.edge.conftest import Backend, Rig

SECRET = "0123456789abcdef"
LISTENER = TaskListener("0123456789ab", "x", "http://hub/r", "http://hub/o", SECRET, port=1)


async def send(rig: "Rig", data: bytes) -> tuple[int, dict[str, Any]]:
    reader, writer = await asyncio.open_unix_connection(str(rig.config.socket))
    writer.write(data)
    try:
        return parse_answer(await asyncio.wait_for(reader.read(), 20))
    finally:
        writer.close()


async def test_sockets_are_private(rig: "Rig") -> None:
    for path in [rig.config.socket, Path(f"{rig.config.socket}.main")]:
        mode = path.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
    assert stat.S_IMODE(rig.config.state_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE(rig.config.log_file.stat().st_mode) == 0o600


async def test_status(rig: "Rig") -> None:
    status = await rig.client.status()
    assert status.fingerprint == rig.config.fingerprint
    assert status == await rig.client.status()


@pytest.mark.parametrize(
    ("request_", "status", "error"),
    [
        (build_request("GET", "/nothing", None), 404, "no_such_call"),
        (build_request("GET", "/%", None), 404, "no_such_call"),
        (build_request("POST", "/tasks", {}), 405, "no_such_method"),
        (build_request("PUT", "/tasks", {}), 400, "bad_json"),
        (build_request("PUT", "/tasks/0123456789ab", {"id": "ab0123456789"}), 400, "bad_listener"),
        (build_request("POST", "/tasks/0123456789ab/tickets", {}), 404, "no_such_task"),
        (build_request("DELETE", "/tasks/0123456789ab", None), 404, "no_such_task"),
        (b"PUT /tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n{no}", 400, "bad_json"),
        (b"PUT /tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nnull", 400, "bad_json"),
        (b"PUT /tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413, "too_large"),
    ],
)
async def test_bad_calls_are_explained(
    rig: "Rig", request_: bytes, status: int, error: str
) -> None:
    answered, document = await send(rig, request_)
    assert (answered, document["error"]) == (status, error)


async def send_without_end(writer: asyncio.StreamWriter) -> None:
    writer.write(b"PUT /tasks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
        await writer.drain()


async def test_body_without_an_end_is_refused(rig: "Rig") -> None:
    _, writer = await asyncio.open_unix_connection(str(rig.config.socket))
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(send_without_end(writer), 20)
    writer.close()
    assert (await rig.client.status()).tasks == 0


@pytest.mark.parametrize(
    "change",
    [
        {"id": "x"},
        {"id": "0123456789AB"},
        {"cookie_secret": ""},
        {"interface_port": 70000},
        {"protocol": "ftp"},
        {"port": 70000},
        {"port": None},
        {"port": None, "host": "x.example"},
        {"target": UnixTarget("")},
        {"authorization": "a\r\nb"},
        {"authorization": ""},
        {"open_url": "javascript:alert(1)"},
        {"room_url": 'http://hub/"><script>'},
    ],
)
async def test_bad_listeners_are_refused(rig: "Rig", change: dict[str, Any]) -> None:
    from dataclasses import replace

    with pytest.raises(EdgeError):
        await rig.client.put_task(replace(LISTENER, **change))
    assert (await rig.client.status()).tasks == 0


@pytest.mark.parametrize("session", ["short", "with spaces in its value", "x" * 20 + "; Path=/"])
async def test_bad_session_values_are_refused(rig: "Rig", backend: "Backend", session: str) -> None:
    task = await rig.open(backend.target)
    with pytest.raises(EdgeError, match="bad_ticket"):
        await rig.client.post_ticket(task.id, "ticket", "0" * 64, session, "alice", 60, 2e9)


async def test_ticket_without_a_browser_is_refused(rig: "Rig", backend: "Backend") -> None:
    task = await rig.open(backend.target)
    with pytest.raises(EdgeError, match="bad_ticket"):
        await rig.client.post_ticket(task.id, "ticket", "", "x" * 20, "alice", 60, 2e9)


async def test_sessions_of_an_update_are_exact(rig: "Rig", backend: "Backend") -> None:
    task = await rig.open(backend.target)
    await task.update(sessions={})
    assert (await task.fetch("/", task.own)).status == 403
    assert not await rig.client.delete_session(task.id, "0" * 64)


async def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(EdgeUnavailable) as error:
        await EdgeClient(tmp_path / "edge.sock").status()
    assert isinstance(error.value, Unavailable)


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\n\r\n{", b"x\r\n\r\n{}"]
)
async def test_cut_answers_tell_nothing(tmp_path: Path, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "edge.sock")
    with pytest.raises(EdgeUnavailable):
        await EdgeClient(tmp_path / "edge.sock").status()
    server.close()


async def test_silence_has_an_end(tmp_path: Path) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "edge.sock")
    with pytest.raises(EdgeUnavailable, match="within"):
        await EdgeClient(tmp_path / "edge.sock", timeout=0.05).status()
    server.close()


def test_repr_shows_no_secret() -> None:
    from dataclasses import replace

    secret = replace(LISTENER, authorization="token s3cret", sessions={"d1gest": Session("a", 1)})
    assert "s3cret" not in repr(secret)
    assert "d1gest" not in repr(secret)


async def test_log_shows_no_secret(rig: "Rig", backend: "Backend") -> None:
    task = await rig.open(backend.target, authorization="token s3cret")
    path, session = await task.post_ticket()
    await task.page(f"{path}&next=/a-path")
    await task.fetch("/a-path", task.own)
    log = rig.config.log_file.read_text()
    assert task.id in log
    for secret in ["s3cret", path, session, task.session, "a-path"]:
        assert secret not in log
