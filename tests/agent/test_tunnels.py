"""Access from other machines: the guarded port, and the dialled edge; without a container."""

import asyncio
import contextlib
import json
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from rosetta_agent import dial_client, listener
from rosetta_agent.access_options import Tls
from rosetta_agent.dialer import DialerSpec, build_dialer
from rosetta_agent.listener import Guarded, Listener, bind, server_context
from rosetta_agent.protocol import (
    ANSWER_SIZE,
    HELLO_SIZE,
    MAGIC,
    NONCE_SIZE,
    ClientHandshake,
    HandshakeError,
    ServerHandshake,
    prove,
)
from rosetta_agent.splice import Backend
from tests.support.certificates import make_certificate, read_certificate

from .peers import Edge, Streams, shake_hands, trusting

KEY = bytes(range(32))
SECRET = "the agent's"


# --- the handshake -------------------------------------------------------------------------------


def test_recorded_handshake() -> None:
    """Agents outlive upgrades of the service: both say this (HMAC-SHA256, RFC 2104)."""
    assert prove(KEY, b"server", b"c" * 32, b"s" * 32).hex() == RECORDED[0]
    assert prove(KEY, b"client", b"c" * 32, b"s" * 32).hex() == RECORDED[1]


RECORDED = (
    "f0031bb644f5db8aaa9ad35637f341ff16fe564f7b2de690fdd9fd9cb4d73e8a",
    "e434170a83e84313a9cc37fb931196a90d1e827237a0b78b823b6cae1be42c9a",
)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_handshake_in_pieces(size: int) -> None:
    server, client = ServerHandshake(KEY), ClientHandshake(KEY)
    answer = b"".join(server.feed(client.hello[i : i + size]) for i in range(0, HELLO_SIZE, size))
    assert len(answer) == ANSWER_SIZE
    proof = client.reply(answer)
    assert not server.done
    content = proof + b"the rest"
    for i in range(0, len(content), size):
        if not server.done:
            assert server.feed(content[i : i + size]) == b""
            rest = server.rest + content[i + size :]
    assert server.done
    assert rest == b"the rest"


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"R", b"RHUB2", MAGIC + b"x" * 64])
def test_strangers_are_not_answered(data: bytes) -> None:
    server = ServerHandshake(KEY)
    if data == b"R":
        assert server.feed(data) == b""
        data = b"X"
    with pytest.raises(HandshakeError):
        server.feed(data)


def test_each_side_needs_the_key() -> None:
    server, client = ServerHandshake(KEY), ClientHandshake(b"x" * 32)
    with pytest.raises(HandshakeError):
        client.reply(server.feed(client.hello))
    server, client = ServerHandshake(KEY), ClientHandshake(KEY)
    answer = server.feed(client.hello)
    with pytest.raises(HandshakeError):  # what the server said is not what a client says
        server.feed(answer[NONCE_SIZE:])


@pytest.mark.parametrize("port", [None, 8787, 8788])
def test_the_proof_names_the_interface(port: int | None) -> None:
    server, client = ServerHandshake(KEY, [8787, 8788]), ClientHandshake(KEY, port)
    server.feed(client.reply(server.feed(client.hello)) + b"the rest")
    assert (server.done, server.port, server.rest) == (True, port, b"the rest")


@pytest.mark.parametrize("declared", [[], [8787]])
def test_there_is_no_proof_of_a_port_that_is_not_declared(declared: list[int]) -> None:
    server, client = ServerHandshake(KEY, declared), ClientHandshake(KEY, 22)
    answer = server.feed(client.hello)
    with pytest.raises(HandshakeError):
        server.feed(client.reply(answer))


def test_services_of_the_former_version_get_the_main_interface() -> None:
    """They know nothing of further ones."""
    server = ServerHandshake(KEY, [8787])
    answer = server.feed(MAGIC + b"c" * NONCE_SIZE)
    server.feed(prove(KEY, b"client", b"c" * NONCE_SIZE, answer[:NONCE_SIZE]))
    assert (server.done, server.port) == (True, None)


# --- the guarded port ----------------------------------------------------------------------------


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


class World:
    """An echo server, and what leads to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.accepted = 0
        self._stack = contextlib.AsyncExitStack()
        self.backend: Backend
        self.further: dict[int, Backend] = {}

    async def declare(self, port: int, answer: bytes) -> None:
        """A further interface: a server that says this, on another port than it is declared."""

        async def say(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer)
            writer.close()

        server = await asyncio.start_server(say, "127.0.0.1", 0)
        await self._stack.enter_async_context(server)
        actual = server.sockets[0].getsockname()[1]
        self.further[port] = Backend(asyncio.get_running_loop(), actual, lambda: ["127.0.0.1"])

    async def start(self) -> None:
        async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.accepted += 1
            await echo(reader, writer)

        server = await asyncio.start_server(count, "127.0.0.1", 0)
        await self._stack.enter_async_context(server)
        port = server.sockets[0].getsockname()[1]
        self.backend = Backend(asyncio.get_running_loop(), port, lambda: ["127.0.0.1"])

    def guard(self, tls: Tls | None = None) -> int:
        """A guarded port towards it."""
        loop = asyncio.get_running_loop()
        public = bind("127.0.0.1", 0)
        self._stack.callback(public.close)
        self._stack.callback(loop.remove_reader, public.fileno())
        context = None if tls is None else server_context(tls)
        backends: dict[int | None, Backend] = dict(self.further.items())
        backends[None] = self.backend
        Listener(loop, public, lambda result: Guarded(KEY, result, backends), context).start()
        port: int = public.getsockname()[1]
        return port

    async def dial(self, url: str, ca: str | None = None) -> None:
        """A dialer towards it, as if the echo server were a relay's socket."""
        loop = asyncio.get_running_loop()
        path = str(self.folder / "s")
        server = await loop.create_unix_server(self.backend.accept, path)
        self._stack.callback(server.close)
        further: list[tuple[int, str]] = []
        for port, backend in self.further.items():
            further.append((port, str(self.folder / f"{port}.sock")))
            other = await loop.create_unix_server(backend.accept, further[-1][1])
            self._stack.callback(other.close)
        spec = DialerSpec(url, ca, SECRET, "abc", 2, path, [], further)
        running = asyncio.create_task(build_dialer(loop, spec).run())
        self._stack.callback(running.cancel)

    def later(self, close: "contextlib.closing[Edge]") -> Edge:
        return self._stack.enter_context(close)

    def hang_up(self, streams: Streams) -> None:
        self._stack.callback(streams[1].close)

    async def close(self) -> None:
        await self._stack.aclose()
        for _ in range(50):
            await asyncio.sleep(0)


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    result = World(tmp_path)
    await result.start()
    yield result
    await result.close()


async def exchange(streams: Streams, size: int) -> None:
    """Send a lot, half-close, and get it all back."""
    reader, writer = streams
    result = os.urandom(size)

    async def send() -> None:
        writer.write(result)
        await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    sending = asyncio.create_task(send())
    assert await reader.readexactly(size) == result
    await sending
    if writer.can_write_eof():
        assert await reader.read() == b""
    writer.close()


async def test_guarded_port_carries_a_lot(world: World) -> None:
    port = world.guard()
    await exchange(await shake_hands("127.0.0.1", port, KEY), 20 << 20)


async def test_guarded_port_with_tls(world: World) -> None:
    certificate, key = read_certificate(world.folder, "node")
    port = world.guard(Tls(certificate, key))
    await exchange(await shake_hands("127.0.0.1", port, KEY, trusting(certificate)), 5 << 20)


async def test_bytes_right_behind_the_proof(world: World) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", world.guard())
    client = ClientHandshake(KEY)
    writer.write(client.hello)
    writer.write(client.reply(await reader.readexactly(ANSWER_SIZE)) + b"at once")
    writer.write_eof()
    assert await reader.read() == b"at once"
    writer.close()


async def test_nothing_passes_without_the_key(world: World) -> None:
    port = world.guard()
    for data in (b"GET / HTTP/1.0\r\n\r\n", MAGIC + b"x" * 32 + b"y" * 32 + b"GET /"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data)
        with contextlib.suppress(ConnectionError):  # closed without a word, but the nonce
            assert len(await reader.read()) in (0, ANSWER_SIZE)
        writer.close()
    with pytest.raises(HandshakeError):
        await shake_hands("127.0.0.1", port, b"x" * 32)
    assert world.accepted == 0


async def test_guarded_port_leads_to_the_chosen_interface(world: World) -> None:
    await world.declare(8787, b"the dashboard")
    port = world.guard()
    reader, writer = await shake_hands("127.0.0.1", port, KEY, interface=8787)
    assert await reader.read() == b"the dashboard"
    writer.close()
    await exchange(await shake_hands("127.0.0.1", port, KEY), 1000)
    reader, writer = await shake_hands("127.0.0.1", port, KEY, interface=22)
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()
    assert world.accepted == 1


async def test_silent_strangers_are_closed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "_HANDSHAKE_SECONDS", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", world.guard())
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()


async def test_strangers_do_not_shut_others_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest of too many makes room for those who come."""
    monkeypatch.setattr(listener, "_HANDSHAKE_SECONDS", 1000.0)
    port = world.guard()
    strangers = []
    for _ in range(listener.MAX_STRANGERS + 1):
        strangers.append(await asyncio.open_connection("127.0.0.1", port))
    async with asyncio.timeout(30):
        with contextlib.suppress(ConnectionError):
            assert await strangers[0][0].read() == b""
    await exchange(await shake_hands("127.0.0.1", port, KEY), 1000)
    for _reader, writer in strangers:
        writer.close()


def test_port_that_was_taken_meanwhile() -> None:
    with bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with bind("127.0.0.1", port) as second:
            assert second.getsockname()[1] != port
    with bind("127.0.0.1", port) as again:
        assert again.getsockname()[1] == port
    with pytest.raises(OSError, match=r"."):
        bind("203.0.113.1", 0)


# --- the dialled edge ----------------------------------------------------------------------------


@pytest.mark.parametrize("secure", [False, True])
async def test_dialled_streams(world: World, secure: bool) -> None:
    certificate, _key = read_certificate(world.folder, "127.0.0.1")
    tls = None
    if secure:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(world.folder / "cert.pem", world.folder / "key.pem")
    edge = world.later(contextlib.closing(Edge(SECRET, tls)))
    scheme = "https" if secure else "http"
    await world.dial(f"{scheme}://127.0.0.1:{await edge.start()}", certificate if secure else None)
    control = await edge.control()
    world.hang_up(control)
    control[1].write(b'{"ping": 7}\n')
    assert await control[0].readline() == b'{"pong": 7}\n'
    streams = [await edge.open(control) for _ in range(3)]
    await asyncio.gather(*(exchange(stream, 5 << 20) for stream in streams))
    assert edge.heads[0].startswith("GET /dial/abc/2/control HTTP/1.1\r\nHost: 127.0.0.1:")
    assert "Upgrade: rosetta-tunnel\r\n" in edge.heads[0]


async def test_dialled_streams_of_further_interfaces(world: World) -> None:
    await world.declare(8787, b"the dashboard")
    edge = world.later(contextlib.closing(Edge(SECRET)))
    await world.dial(f"http://127.0.0.1:{await edge.start()}")
    control = await edge.control()
    world.hang_up(control)
    # Not declared: nothing is dialled, or its head would be there before that of the next one.
    control[1].write(json.dumps({"open": "0" * 32, "port": 22}).encode() + b"\n")
    reader, writer = await edge.open(control, 8787)
    assert await reader.read() == b"the dashboard"
    writer.close()
    await exchange(await edge.open(control), 1000)
    assert not any("0" * 32 in head for head in edge.heads)


async def test_edge_whose_certificate_is_not_trusted(world: World) -> None:
    (world.folder / "other").mkdir()
    other, _key = read_certificate(world.folder / "other", "127.0.0.1")
    make_certificate(world.folder, "127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(world.folder / "cert.pem", world.folder / "key.pem")
    edge = world.later(contextlib.closing(Edge(SECRET, tls)))
    dialling = build_dialer(
        asyncio.get_running_loop(),
        DialerSpec(f"https://127.0.0.1:{await edge.start()}", other, SECRET, "abc", 2, "", []),
    )
    with pytest.raises(ssl.SSLCertVerificationError):
        await dialling._control()
    assert edge.heads == []


async def test_dials_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a refusal, a lost connection, a new edge; open streams go on meanwhile."""
    monkeypatch.setattr(dial_client, "_PAUSE_MOST", 0.1)
    monkeypatch.setattr(dial_client, "_PAUSE_FIRST", 0.05)
    edge = world.later(contextlib.closing(Edge(SECRET, status=404)))
    port = await edge.start()
    await world.dial(f"http://127.0.0.1:{port}")
    while len(edge.heads) < 2:
        await asyncio.sleep(0.01)
    edge.status = 101
    first = await edge.control()
    stream = await edge.open(first)
    first[1].close()
    edge.close()
    successor = world.later(contextlib.closing(Edge(SECRET)))
    await successor.start(port)
    second = await successor.control()
    world.hang_up(second)
    await exchange(stream, 100_000)
    await exchange(await successor.open(second), 100_000)


async def test_silent_edge_is_dialled_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial_client, "_DEAD_SECONDS", 0.2)
    edge = world.later(contextlib.closing(Edge(SECRET)))
    await world.dial(f"http://127.0.0.1:{await edge.start()}")
    world.hang_up(await edge.control())
    world.hang_up(await edge.control())


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"open": "0123456789abcdef0123456789abcdef"}', {"open": "0123456789abcdef" * 2}),
        (
            b'{"open": "0123456789abcdef0123456789abcdef", "port": 8787}',
            {"open": "0123456789abcdef" * 2, "port": 8787},
        ),
        (b'{"open": "../../x"}', {}),
        (b'{"ping": 3}', {"ping": 3}),
        (b'{"hello": 1}', {}),
    ],
)
def test_lines(line: bytes, expected: dict[str, object]) -> None:
    assert dial_client.parse_line(line) == expected


@pytest.mark.parametrize("line", [b"", b"[]", b"nonsense"])
def test_lines_that_are_none(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        dial_client.parse_line(line)


def test_order_keeps_its_secret() -> None:
    assert SECRET not in repr(DialerSpec("http://x", None, SECRET, "abc", 2, "/s", []))
