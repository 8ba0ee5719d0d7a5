"""The one certificate, and a host name a task."""

import asyncio
import os
import signal
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rosetta_hub.edge import EdgeConfig, EdgeError, ensure_edge, stop_edge
from tests.support.certificates import make_certificate
from tests.support.ports import free_port

if TYPE_CHECKING:
    from tests.edge.conftest import Backend, OpenTask, Rig


async def test_https_and_websockets(secure_rig: "Rig", backend: "Backend") -> None:
    task = await secure_rig.open(backend.target)
    answer = await task.fetch("/", task.own)
    assert answer.status == 200
    assert answer.seen["x-forwarded-proto"] == "https"
    reader, writer = await task.websocket()
    writer.write(b"bytes")
    assert await reader.readexactly(5) == b"bytes"
    writer.close()
    refused, _, writer = await task.upgrade({**task.own, "Origin": f"http://{task.authority}"})
    assert refused.status == 403
    writer.close()


async def test_cookie_is_bound_to_the_host(secure_rig: "Rig", backend: "Backend") -> None:
    task = await secure_rig.open(backend.target)
    path, session = await task.post_ticket()
    answer = await task.page(path)
    cookie = answer.get("set-cookie") or ""
    assert cookie.startswith(f"__Host-rosetta-{task.id}={session}; Path=/; ")
    assert cookie.endswith("; HttpOnly; SameSite=Lax; Secure")
    assert "Domain" not in cookie
    plain = await task.fetch("/", {"Cookie": f"rosetta-{task.id}={session}"})
    assert plain.status == 403, "a name without the prefix could be set by another host"


async def test_browser_is_known_by_a_cookie_that_no_script_may_set(
    secure_rig: "Rig", backend: "Backend"
) -> None:
    task = await secure_rig.open(backend.target)
    answer = await task.page("/_rosetta/open", {"Cookie": ""})
    cookie = answer.get("set-cookie") or ""
    assert cookie.startswith("__Host-Http-rosetta-browser=")
    assert cookie.endswith("; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax; Secure")
    path, _ = await task.post_ticket()
    plain = task.browser_cookie.replace("__Host-Http-", "")
    assert (await task.page(path, {"Cookie": plain})).status == 403


async def test_containers_own_tls(
    secure_rig: "Rig", backend: "Backend", certificate: tuple[Path, Path]
) -> None:
    """Which is self-signed; the edge does not offer its own certificate to it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificate[0])
    context.load_cert_chain(*certificate)
    context.verify_mode = ssl.CERT_OPTIONAL
    await backend.stop()
    await backend.start(tls=context)
    task = await secure_rig.open(backend.target, target_tls=True)
    assert (await task.fetch("/", task.own)).seen["host"] == task.authority
    reader, writer = await task.websocket()
    writer.write(b"bytes")
    assert await reader.readexactly(5) == b"bytes"
    writer.close()
    assert backend.opened == 2
    assert not any(backend.client_certificates)


async def serial_of(task: "OpenTask") -> bytes:
    """The certificate that the port shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", task.socket_port, ssl=context)
    result: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return result


async def test_renewed_certificate_is_taken(backend: "Backend", tmp_path: Path) -> None:
    from tests.edge.conftest import Rig, until

    cert, key = make_certificate(tmp_path)
    config = EdgeConfig(tmp_path / "s", "127.0.0.1", tls_cert=cert, tls_key=key)
    status = await ensure_edge(config)
    try:
        rig = Rig(config, ssl.create_default_context(cafile=cert))
        task = await rig.open(backend.target)
        reader, writer = await task.websocket()
        old = await serial_of(task)
        key.write_text("broken")
        os.kill(status.pid, signal.SIGHUP)
        await until(lambda: "the old one stays" in config.log_file.read_text())
        assert await serial_of(task) == old
        make_certificate(tmp_path)
        os.kill(status.pid, signal.SIGHUP)
        await until(lambda: "certificate read again" in config.log_file.read_text())
        assert await serial_of(task) != old
        writer.write(b"alive")
        assert await reader.readexactly(5) == b"alive"
        writer.close()
    finally:
        await stop_edge(config)


async def send_plainly(task: "OpenTask", data: bytes) -> bytes:
    """The answer to bytes that are no TLS."""
    reader, writer = await asyncio.open_connection("127.0.0.1", task.socket_port)
    writer.write(data)
    try:
        return await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()


async def test_plain_http_is_sent_to_https(secure_rig: "Rig", backend: "Backend") -> None:
    task = await secure_rig.open(backend.target)
    head = f"GET /lab?x=1 HTTP/1.1\r\nAccept: */*\r\nhost: {task.authority}\r\n\r\n"
    answer = (await send_plainly(task, head.encode())).decode()
    assert answer.startswith("HTTP/1.1 308 ")
    assert f"\r\nLocation: {task.origin}/lab?x=1\r\n" in answer
    assert "no-store" in answer, "the port is another task's one day"
    assert backend.requests == []


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET / HTTP/1.1\r\nX: y\r\n\r\n",
        "GET http://{}/ HTTP/1.1\r\nHost: {}\r\n\r\n",
        "GET /\x01 HTTP/1.1\r\nHost: {}\r\n\r\n",
        "SSH-2.0-OpenSSH_9.6\r\n",
        "",
    ],
)
async def test_anything_else_in_plain_is_cut(
    secure_rig: "Rig", backend: "Backend", head: str
) -> None:
    task = await secure_rig.open(backend.target)
    reader, writer = await asyncio.open_connection("127.0.0.1", task.socket_port)
    writer.write(head.replace("{}", task.authority).encode())
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()


async def test_handshake_in_pieces(secure_rig: "Rig", backend: "Backend") -> None:
    """The edge looks at the first byte before TLS does."""
    task = await secure_rig.open(backend.target)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = secure_rig.trust.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read()
    reader, writer = await asyncio.open_connection("127.0.0.1", task.socket_port)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in [hello[:1], hello[1:7], hello[7:]]:
        writer.write(piece)
        await writer.drain()
    assert (await asyncio.wait_for(reader.read(1), 10)) == b"\x16"
    writer.close()


async def test_client_that_says_nothing_is_let_go(secure_rig: "Rig", backend: "Backend") -> None:
    task = await secure_rig.open(backend.target)
    reader, writer = await asyncio.open_connection("127.0.0.1", task.socket_port)
    assert await asyncio.wait_for(reader.read(), 60) == b""
    writer.close()


async def named(rig: "Rig", backend: "Backend", name: str) -> "OpenTask":
    return await rig.open(backend.target, host=f"{name}.tasks.example")


async def test_host_name_decides_on_the_main_port(named_rig: "Rig", backend: "Backend") -> None:
    first, second = await named(named_rig, backend, "One"), await named(named_rig, backend, "two")
    first.authority = first.authority.lower()
    assert (await first.fetch("/", first.own)).status == 200
    assert (await second.fetch("/", second.own)).status == 200
    assert (await second.fetch("/", first.own)).status == 403
    reader, writer = await first.websocket()
    writer.write(b"bytes")
    assert await reader.readexactly(5) == b"bytes"
    refused, _, other = await first.upgrade({**first.own, "Origin": second.origin})
    assert refused.status == 403
    await named_rig.client.delete_task(first.id)
    assert await asyncio.wait_for(reader.read(), 10) == b""
    for host in [first.authority, "three.tasks.example", f"tasks.example:{first.socket_port}"]:
        assert (await first.fetch("/", {**first.own, "Host": host})).status == 421
    assert (await second.fetch("/", second.own)).status == 200
    for value in [writer, other]:
        value.close()


async def test_connection_stays_with_its_first_task(named_rig: "Rig", backend: "Backend") -> None:
    first, second = await named(named_rig, backend, "one"), await named(named_rig, backend, "two")
    reader, writer = await first.connect()
    for task, status in [(first, b" 200 "), (second, b" 421 ")]:
        head = f"GET / HTTP/1.1\r\nHost: {task.authority}\r\nCookie: {task.cookie}\r\n\r\n"
        writer.write(head.encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        assert status in answer
        length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
    writer.close()


async def test_name_is_given_once(named_rig: "Rig", backend: "Backend") -> None:
    await named(named_rig, backend, "one")
    with pytest.raises(EdgeError, match="is the name of"):
        await named(named_rig, backend, "one")


async def test_port_beside_host_names(named_rig: "Rig", backend: "Backend") -> None:
    """Protocols without a host name in them need a port there, too."""
    task = await named_rig.open(backend.target, protocol="tcp", host=None, port=free_port())
    reader, writer = await asyncio.open_connection("127.0.0.1", task.socket_port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
    writer.close()
