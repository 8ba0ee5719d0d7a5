"""Bytes through each kind of tunnel, and what becomes of them when something breaks."""

import asyncio
import secrets
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from rosetta_agent.access_options import Tls
from rosetta_hub.targets import TcpTarget, UnixTarget
from rosetta_hub.tunnels import SshRoute, Tunnel
from rosetta_hub.tunnels.dial import LARGEST_HEAD
from tests.support.eventually import until
from tests.tunnels.conftest import DASHBOARD, SECRET, TASK, Rig


async def test_bytes_go_both_ways(opened: Rig) -> None:
    data = secrets.token_bytes(3_000_000)
    reader, writer = await opened.connect()
    writer.write(data)
    assert await asyncio.wait_for(reader.readexactly(len(data)), 20) == data
    assert await opened.state() == ("open", None)
    writer.close()
    await until(lambda: not opened.container.writers)


async def test_container_may_speak_first(opened: Rig) -> None:
    opened.container.greeting = b"SSH-2.0-container\n"
    reader, writer = await opened.connect()
    assert await asyncio.wait_for(reader.readline(), 20) == b"SSH-2.0-container\n"
    writer.close()


async def test_each_interface_has_a_socket_of_its_own(opened: Rig) -> None:
    opened.dashboard.greeting = b"the dashboard\n"
    streams = [await opened.connect(DASHBOARD), await opened.connect()]
    dashboard = streams[0]
    assert await asyncio.wait_for(dashboard[0].readline(), 20) == b"the dashboard\n"
    for reader, writer in streams:
        writer.write(b"hello")
        assert await asyncio.wait_for(reader.readexactly(5), 20) == b"hello"
    assert (opened.container.opened, opened.dashboard.opened) == (1, 1)
    assert opened.config.task_socket(TASK, DASHBOARD).stat().st_mode & 0o777 == 0o600
    for _reader, writer in streams:
        writer.close()
    assert await opened.client.delete_tunnel(TASK)
    assert list(opened.config.sockets_dir.glob("*.sock")) == []


async def test_interface_that_the_node_does_not_declare(
    rig: Rig, node_certificate: tuple[Tls, str]
) -> None:
    """Nothing is reached, and the main interface goes on."""
    tls, spki = node_certificate
    port, _ = rig.listen(tls=tls)
    for tunnel in (rig.ssh_tunnel(), rig.direct_tunnel(port, spki)):
        await rig.client.put_tunnel(replace(tunnel, interfaces=(22,)))
        reader, writer = await rig.connect(22)
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()
        assert (rig.container.opened, rig.dashboard.opened) == (0, 0)
        assert not rig.config.task_socket(TASK, DASHBOARD).exists()
        assert await rig.ask() == b"hello"
        rig.container.opened = 0


async def test_many_connections_at_once(opened: Rig) -> None:
    values = [str(number).encode() * 1000 for number in range(60)]
    assert await asyncio.gather(*(opened.ask(request) for request in values)) == values


async def test_end_of_the_container_ends_the_connection(opened: Rig) -> None:
    reader, writer = await opened.connect()
    writer.write(b"x")
    await asyncio.wait_for(reader.readexactly(1), 20)
    for item in list(opened.container.writers):
        item.close()
    assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()


async def test_what_waits_is_delivered_though_the_container_has_gone(rig: Rig) -> None:
    """The last answer of a container over SSH, to a browser that is slower than it."""
    await rig.client.put_tunnels([rig.ssh_tunnel()])
    rig.container.greeting = secrets.token_bytes(2 << 20)
    reader, writer = await rig.connect()
    try:
        await asyncio.wait_for(reader.readexactly(1), 20)
        writer.write_eof()
        await until(lambda: not rig.container.writers)
        assert await asyncio.wait_for(reader.read(), 20) == rig.container.greeting[1:] + b"!"
    finally:
        writer.close()


async def test_reader_that_waits_stops_the_writer(opened: Rig) -> None:
    """The container echoes; nobody reads, so what can be sent is bounded."""
    reader, writer = await opened.connect()
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    block = b"x" * 1_000_000
    count = 0
    try:
        while count < 200:
            writer.write(block)
            async with asyncio.timeout(2):
                await writer.drain()
            count += 1
    except TimeoutError:
        pass
    assert 0 < count < 60
    writer.transport.abort()


async def test_one_direction_ends_alone(rig: Rig) -> None:
    """Without TLS, which can't."""
    await rig.client.put_tunnels([rig.ssh_tunnel()])
    await half_close(rig)
    await rig.client.put_tunnels([rig.reverse_tunnel()])
    rig.dial()
    await half_close(rig)


async def half_close(rig: Rig) -> None:
    reader, writer = await rig.connect()
    writer.write(b"hello")
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 20) == b"hello!"
    writer.close()


async def test_unchanged_tunnel_is_not_cut(opened: Rig) -> None:
    reader, writer = await opened.connect()
    writer.write(b"x")
    await asyncio.wait_for(reader.readexactly(1), 20)
    assert opened.tunnel is not None
    await opened.client.put_tunnels([opened.tunnel])
    await opened.client.put_tunnel(opened.tunnel)
    writer.write(b"y")
    assert await asyncio.wait_for(reader.readexactly(1), 20) == b"y"
    await opened.client.put_tunnels([])
    assert await asyncio.wait_for(reader.read(), 20) == b""
    assert not opened.config.task_socket(TASK).exists()
    writer.close()


# --- ssh -----------------------------------------------------------------------------------------


async def test_target_on_another_host(rig: Rig) -> None:
    """Port of a node, as the login node reaches it, guarded by the handshake."""
    port, _ = rig.listen()
    tunnel = SshRoute(rig.endpoint, TcpTarget("127.0.0.1", port), SECRET)
    await rig.client.put_tunnels([Tunnel(TASK, 1, tunnel)])
    assert await rig.ask() == b"hello"


@pytest.mark.parametrize("secret", ["ab" * 32, None])
async def test_stranger_on_the_port_gets_nothing(rig: Rig, secret: str | None) -> None:
    """Somebody took the port of an ended task: he knows another secret, or none at all."""
    received = bytearray()
    server = None

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(secrets.token_bytes(64))
        received.extend(await reader.read())
        writer.close()

    if secret is None:
        server = await asyncio.start_server(take, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
    else:
        port, _ = rig.listen(secret)
    tunnel = SshRoute(rig.endpoint, TcpTarget("127.0.0.1", port), SECRET)
    await rig.client.put_tunnels([Tunnel(TASK, 1, tunnel)])
    assert await rig.ask(b"a cookie of the user's") == b""
    if server is not None:
        server.close()
        await asyncio.sleep(0)
    assert b"cookie" not in received
    assert rig.container.opened == 0


async def test_nobody_listens(rig: Rig, tmp_path: Path) -> None:
    tunnel = SshRoute(rig.endpoint, UnixTarget(str(tmp_path / "gone.sock")))
    await rig.client.put_tunnels([Tunnel(TASK, 1, tunnel)])
    assert await rig.ask() == b""
    state, error = await rig.state()
    assert (state, "gone.sock" in str(error)) == ("error", True)


async def test_lost_connection_is_opened_again(rig: Rig) -> None:
    await rig.client.put_tunnels([rig.ssh_tunnel()])
    reader, writer = await rig.connect()
    writer.write(b"x")
    await asyncio.wait_for(reader.readexactly(1), 20)
    rig.sshd.kill()
    assert await asyncio.wait_for(reader.read(), 20) == b"", "an open tunnel is cut"
    writer.close()
    await until(lambda: _is(rig, "waiting"))
    waiting = asyncio.create_task(rig.ask())
    rig.sshd.start()
    assert await waiting == b"hello", "who connects meanwhile waits"
    await until(lambda: _is(rig, "open"))


async def _is(rig: Rig, state: str) -> bool:
    return (await rig.state())[0] == state


async def test_changed_host_key_stops_everything(rig: Rig) -> None:
    rig.sshd.kill()
    rig.sshd.change_host_key()
    rig.sshd.start()
    await rig.client.put_tunnels([rig.ssh_tunnel()])
    await until(lambda: _is(rig, "error"))
    assert "is not the pinned one" in str((await rig.state())[1])


async def test_new_attempt_cuts_the_older_ones_connections(rig: Rig) -> None:
    await rig.client.put_tunnels([rig.ssh_tunnel()])
    reader, writer = await rig.connect()
    writer.write(b"x")
    await asyncio.wait_for(reader.readexactly(1), 20)
    await rig.client.put_tunnel(rig.ssh_tunnel(attempt=2))
    assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()
    assert await rig.ask() == b"hello"


# --- direct --------------------------------------------------------------------------------------


async def test_direct_pins_the_key(rig: Rig, node_certificate: tuple[Tls, str]) -> None:
    tls, _ = node_certificate
    port, _ = rig.listen(tls=tls)
    await rig.client.put_tunnels([rig.direct_tunnel(port, "00" * 32)])
    assert await rig.ask() == b""
    state, error = await rig.state()
    assert (state, "another key" in str(error)) == ("waiting", True)
    assert rig.container.opened == 0


async def test_direct_proves_the_secret(rig: Rig, node_certificate: tuple[Tls, str]) -> None:
    tls, spki = node_certificate
    port, _ = rig.listen("ab" * 32, tls)
    await rig.client.put_tunnels([rig.direct_tunnel(port, spki)])
    assert await rig.ask() == b""
    assert rig.container.opened == 0
    assert "does not know the task's secret" in str((await rig.state())[1])


async def test_direct_to_nobody(rig: Rig, node_certificate: tuple[Tls, str]) -> None:
    await rig.client.put_tunnels([rig.direct_tunnel(1, node_certificate[1])])
    assert await rig.ask() == b""
    assert "can't be reached" in str((await rig.state())[1])


# --- agent ---------------------------------------------------------------------------------------


async def test_node_dials_with_tls(tls_rig: Rig) -> None:
    assert tls_rig.config.dial is not None
    assert tls_rig.config.dial.tls_cert is not None
    await tls_rig.client.put_tunnels([tls_rig.reverse_tunnel()])
    assert await tls_rig.state() == ("waiting", "The node has not dialled yet, or not again.")
    tls_rig.dial(ca=tls_rig.config.dial.tls_cert.read_text())
    data = secrets.token_bytes(1_000_000)
    assert await tls_rig.ask(data) == data
    assert await tls_rig.state() == ("open", None)


async def test_newest_control_connection_counts(rig: Rig) -> None:
    await rig.client.put_tunnels([rig.reverse_tunnel()])
    first = await raw_dial(rig, f"/dial/{TASK}/1/control")
    assert (await first[0].readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    rig.dial()
    await asyncio.wait_for(first[0].read(), 20)
    assert await rig.ask() == b"hello"
    first[1].close()


async def test_lost_node_dials_again(rig: Rig) -> None:
    await rig.client.put_tunnels([rig.reverse_tunnel()])
    dialling = rig.dial()
    assert await rig.ask() == b"hello"
    dialling.cancel()
    await until(lambda: _is(rig, "waiting"))
    rig.dial()
    assert await rig.ask() == b"hello"


async def raw_dial(
    rig: Rig, path: str, secret: str = SECRET, extra: str = ""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    assert rig.config.dial is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.config.dial.port)
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret}\r\n"
    writer.write(f"{head}Connection: Upgrade\r\nUpgrade: rosetta-tunnel\r\n{extra}\r\n".encode())
    return reader, writer


@pytest.mark.parametrize(
    ("path", "secret", "status"),
    [
        (f"/dial/{TASK}/2/control", "wrong", 401),
        (f"/dial/{TASK}/1/control", SECRET, 410),
        (f"/dial/{TASK}/3/control", SECRET, 503),
        ("/dial/ffffffffffff/1/control", SECRET, 503),
        (f"/dial/{TASK}/2/stream/{'0' * 32}", SECRET, 404),
        (f"/dial/{TASK}/2/else", SECRET, 400),
        ("/", SECRET, 400),
    ],
)
async def test_who_is_refused(rig: Rig, path: str, secret: str, status: int) -> None:
    await rig.client.put_tunnels([rig.reverse_tunnel(attempt=2)])
    reader, writer = await raw_dial(rig, path, secret)
    answer = await asyncio.wait_for(reader.read(), 20)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    writer.close()


async def test_long_heads_are_refused(rig: Rig) -> None:
    extra = f"X: {'x' * LARGEST_HEAD}\r\n"
    reader, writer = await raw_dial(rig, f"/dial/{TASK}/1/control", extra=extra)
    assert (await asyncio.wait_for(reader.read(), 20)).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_plain_connection_to_a_port_with_tls(tls_rig: Rig) -> None:
    await tls_rig.client.put_tunnels([tls_rig.reverse_tunnel()])
    reader, writer = await raw_dial(tls_rig, f"/dial/{TASK}/1/control")
    try:
        assert b"101" not in await asyncio.wait_for(reader.read(), 20)
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()
