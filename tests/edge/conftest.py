"""A real edge (one process per CHP release, with and without TLS), a backend and a raw client."""

import asyncio
import base64
import hashlib
import http.client
import io
import json
import secrets
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.async_api import BrowserContext, async_playwright

from rosetta_hub.edge import EdgeClient, EdgeConfig, Session, Target, TaskListener, TcpTarget
from rosetta_hub.edge import process as edge_process
from tests.support.certificates import make_certificate
from tests.support.chromium import launch
from tests.support.ports import free_port

OLD_CHP = "4.6.3"
HUB = "http://hub.example"
TLS_NAMES = ("127.0.0.1", "localhost", "*.tasks.example")
PAGE = {"Accept": "text/html,*/*;q=0.8"}
DEADLINE = 20
# The value of the cookie by which the edge knows the browser of a test's raw requests.
BROWSER = "b" * 43


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def until(condition: Callable[[], Any] | Callable[[], Awaitable[Any]]) -> Any:
    """The condition's value once it is true; fails after the deadline."""
    deadline = time.monotonic() + DEADLINE
    while True:
        value = condition()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError("the condition never came true")
        await asyncio.sleep(0.02)


@dataclass
class Request:
    """What the backend received."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)


Responder = Callable[[Request], bytes | None]


def echo(request: Request) -> bytes:
    """All that the container sees, as the body."""
    body = json.dumps([request.method, request.path, request.headers]).encode()
    content = b"" if request.method == "HEAD" else body
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), content)


class Backend:
    """A container's interface, written on bare sockets, so that it can misbehave at will.

    `respond` gives the bytes of the answer; None closes the connection instead.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections: set[asyncio.StreamWriter] = set()
        self.opened = 0
        self.client_certificates: list[Any] = []
        self.respond: Responder = echo
        self.upgrades = True
        self.upgrade_headers: list[str] = []
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, path: Path | None = None, tls: ssl.SSLContext | None = None) -> None:
        if path is not None:
            self._server = await asyncio.start_unix_server(self._serve, path)
            return
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    @property
    def target(self) -> TcpTarget:
        return TcpTarget("127.0.0.1", self.port)

    def cut(self) -> None:
        for writer in self.connections:
            writer.transport.abort()

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(writer)
        self.opened += 1
        self.client_certificates.append(writer.get_extra_info("peercert"))
        try:
            while request := await self._read(reader):
                self.requests.append(request)
                if (request.get("upgrade") or "").lower() == "websocket" and self.upgrades:
                    writer.write(self._accept(request))
                    await self._echo(reader, writer)
                    return
                answer = self.respond(request)
                if answer is None:
                    return
                writer.write(answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.connections.discard(writer)
            writer.close()

    def _accept(self, request: Request) -> bytes:
        key = (request.get("sec-websocket-key") or "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept}",
            *self.upgrade_headers,
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    @staticmethod
    async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()

    @staticmethod
    async def _read(reader: asyncio.StreamReader) -> Request | None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.strip().split("\r\n")
        pairs = [line.split(":", 1) for line in lines]
        method, path, *_ = first.split(" ")
        request = Request(method, path, [(key, value.strip()) for key, value in pairs], b"")
        if request.get("transfer-encoding"):
            while size := int(await reader.readline(), 16):
                request.body += await reader.readexactly(size)
                await reader.readline()
            await reader.readline()
        else:
            request.body = await reader.readexactly(int(request.get("content-length") or 0))
        return request


@dataclass
class Answer:
    """What the browser received."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def seen(self) -> dict[str, str]:
        """The headers that the container saw, when it echoes."""
        return {key.lower(): value for key, value in json.loads(self.body)[2]}


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self.data)


def parse_answer(data: bytes, method: str = "GET") -> Answer:
    response = http.client.HTTPResponse(cast(socket.socket, _Bytes(data)), method=method)
    response.begin()
    return Answer(response.status, response.getheaders(), response.read())


def build_request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{key}: {value}" for key, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


@dataclass
class OpenTask:
    """A task that the edge serves, seen from a browser that has its cookie."""

    rig: "Rig"
    listener: TaskListener
    session: str
    socket_port: int
    authority: str

    @property
    def id(self) -> str:
        return self.listener.id

    @property
    def origin(self) -> str:
        return f"{self.rig.scheme}://{self.authority}"

    @property
    def cookie_name(self) -> str:
        return f"__Host-rosetta-{self.id}" if self.rig.tls else f"rosetta-{self.id}"

    @property
    def cookie(self) -> str:
        return f"{self.cookie_name}={self.session}"

    @property
    def own(self) -> dict[str, str]:
        """Headers of the task's own user."""
        return {"Cookie": self.cookie}

    @property
    def cookie_prefix(self) -> str:
        """What the names of the container's cookies begin with in browsers."""
        return f"r{self.listener.cookie_secret}-"

    @property
    def browser_cookie(self) -> str:
        """What identifies the browser to the edge."""
        name = "__Host-Http-rosetta-browser" if self.rig.tls else "rosetta-browser"
        return f"{name}={BROWSER}"

    async def post_ticket(self, user: str = "alice", expires_in: float = 60) -> tuple[str, str]:
        """A path that opens the task once in the browser of `browser_cookie`, and the session."""
        ticket, session = secrets.token_urlsafe(16), secrets.token_urlsafe(24)
        await self.rig.client.post_ticket(
            self.id, ticket, sha256(BROWSER), session, user, expires_in, time.time() + 3600
        )
        return f"/_rosetta/open?ticket={ticket}", session

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        tls = self.rig.trust if self.rig.tls else None
        name = self.authority.rpartition(":")[0] if tls else None
        return await asyncio.open_connection(
            "127.0.0.1", self.socket_port, ssl=tls, server_hostname=name
        )

    async def send(self, data: bytes, method: str = "GET") -> Answer:
        """The answer to raw bytes."""
        reader, writer = await self.connect()
        try:
            writer.write(data)
            return parse_answer(await asyncio.wait_for(reader.read(), DEADLINE), method)
        finally:
            writer.close()

    async def fetch(
        self,
        path: str = "/",
        headers: dict[str, str] | None = None,
        method: str = "GET",
        body: bytes = b"",
    ) -> Answer:
        """An anonymous request; pass `own` headers for the user's."""
        length = {"Content-Length": str(len(body))} if body else {}
        all_headers = {"Host": self.authority, "Connection": "close", **length, **(headers or {})}
        return await self.send(build_request(method, path, all_headers, body), method)

    async def page(self, path: str = "/", headers: dict[str, str] | None = None) -> Answer:
        """A navigation in a browser that the edge knows."""
        return await self.fetch(path, {"Cookie": self.browser_cookie, **PAGE, **(headers or {})})

    async def upgrade(
        self, headers: dict[str, str] | None = None, path: str = "/ws"
    ) -> tuple[Answer, asyncio.StreamReader, asyncio.StreamWriter]:
        """A WebSocket handshake; the caller closes the writer."""
        base = {
            "Host": self.authority,
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        reader, writer = await self.connect()
        writer.write(build_request("GET", path, {**base, **(headers or {})}))
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE)
        return parse_answer(head, "HEAD"), reader, writer

    async def websocket(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """An open WebSocket of the task's own page."""
        answer, reader, writer = await self.upgrade({**self.own, "Origin": self.origin})
        assert answer.status == 101
        return reader, writer

    async def update(self, **changes: Any) -> None:
        self.listener = replace(self.listener, **changes)
        await self.rig.client.put_task(self.listener)


@dataclass
class Rig:
    """One edge and what a test opens on it."""

    config: EdgeConfig
    trust: ssl.SSLContext
    client: EdgeClient = field(init=False)
    tasks: list[OpenTask] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = EdgeClient(self.config.socket)

    @property
    def tls(self) -> bool:
        return self.config.tls_cert is not None

    @property
    def scheme(self) -> str:
        return "https" if self.tls else "http"

    async def open(self, target: Target | None = None, **changes: Any) -> OpenTask:
        """A new task on a port of its own with one session."""
        task = secrets.token_hex(6)
        session = secrets.token_urlsafe(24)
        port = None if "host" in changes else free_port()
        listener = TaskListener(
            id=task,
            name="Some <software>",
            room_url=f"{HUB}/services/rosetta/tasks/{task}",
            open_url=f"{HUB}/services/rosetta/open/{task}",
            cookie_secret=secrets.token_hex(8),
            port=port,
            target=target,
            sessions={sha256(session): Session("alice", int(time.time()) + 3600)},
        )
        listener = replace(listener, **changes)
        await self.client.put_task(listener)
        socket_port = listener.port or self.config.main_port or 0
        host = listener.host or self.config.public_host
        opened = OpenTask(self, listener, session, socket_port, f"{host}:{socket_port}")
        self.tasks.append(opened)
        return opened

    async def close(self) -> None:
        for task in self.tasks:
            await self.client.delete_task(task.id)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"), *TLS_NAMES)


@pytest.fixture(scope="session", params=["installed", OLD_CHP])
def chp(request: pytest.FixtureRequest) -> Path:
    """The root of a CHP package: the one that is installed, and the last of the 4.x."""
    if request.param == "installed":
        return edge_process.find_chp()
    return old_chp(Path(request.config.rootpath))


def old_chp(rootpath: Path) -> Path:
    prefix = rootpath / ".cache" / f"chp-{OLD_CHP}"
    root = prefix / "node_modules" / "configurable-http-proxy"
    if not (root / "package.json").exists():
        npm = shutil.which("npm")
        assert npm is not None
        package = f"configurable-http-proxy@{OLD_CHP}"
        command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(prefix), package]
        subprocess.run(command, check=True, capture_output=True)
    return root


class Edges:
    """The edges of a test run, one per configuration, stopped at its end."""

    def __init__(self, chp: Path, certificate: tuple[Path, Path]) -> None:
        self.chp = chp
        self.certificate = certificate
        self.configs: dict[Any, EdgeConfig] = {}
        # Short: a unix socket's path has at most 108 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="rosetta-edge-test-"))

    def get(self, tls: bool, by_name: bool = False, limit: int = 0) -> Rig:
        key = (tls, by_name, limit)
        if key not in self.configs:
            cert, tls_key = self.certificate if tls else (None, None)
            self.configs[key] = EdgeConfig(
                state_dir=self.folder / f"{len(self.configs)}",
                public_host=None if by_name else "127.0.0.1",
                main_port=free_port() if by_name else None,
                tls_cert=cert,
                tls_key=tls_key,
                tcp_connections_per_address=limit,
                anonymous_connections_per_address=limit,
            )
            asyncio.run(self._start(self.configs[key]))
        trust = ssl.create_default_context(cafile=self.certificate[0])
        return Rig(self.configs[key], trust)

    async def _start(self, config: EdgeConfig) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(edge_process, "find_chp", lambda: self.chp)
            await edge_process.ensure_edge(config)

    def stop(self) -> None:
        for config in self.configs.values():
            asyncio.run(edge_process.stop_edge(config))
        logs = [config.log_file.read_text() for config in self.configs.values()]
        shutil.rmtree(self.folder)
        assert not [log for log in logs if "uncaught" in log]


@pytest.fixture(scope="session")
def edges(chp: Path, certificate: tuple[Path, Path]) -> Iterator[Edges]:
    edges = Edges(chp, certificate)
    yield edges
    edges.stop()


@pytest.fixture
def plain_rig(edges: Edges) -> Rig:
    return edges.get(tls=False)


@pytest.fixture
def tls_rig(edges: Edges) -> Rig:
    return edges.get(tls=True)


@pytest.fixture
def host_rig(edges: Edges) -> Rig:
    return edges.get(tls=True, by_name=True)


async def _closing(rig: Rig) -> AsyncIterator[Rig]:
    pid = (await rig.client.status()).pid
    yield rig
    await rig.close()
    assert (await rig.client.status()).pid == pid, "the edge did not survive the test"


@pytest.fixture
async def rig(plain_rig: Rig) -> AsyncIterator[Rig]:
    """An edge without TLS."""
    async for item in _closing(plain_rig):
        yield item


@pytest.fixture
async def secure_rig(tls_rig: Rig) -> AsyncIterator[Rig]:
    """An edge with TLS."""
    async for item in _closing(tls_rig):
        yield item


@pytest.fixture
async def named_rig(host_rig: Rig) -> AsyncIterator[Rig]:
    """An edge whose tasks have host names, with TLS."""
    async for item in _closing(host_rig):
        yield item


async def _serving() -> AsyncIterator[Backend]:
    backend = Backend()
    await backend.start()
    yield backend
    await backend.stop()


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    async for item in _serving():
        yield item


@pytest.fixture
async def other_backend() -> AsyncIterator[Backend]:
    async for item in _serving():
        yield item


async def _browsing() -> AsyncIterator[BrowserContext]:
    async with async_playwright() as playwright:
        # Service workers need more than a certificate whose errors a context ignores.
        browser = await launch(playwright, "--ignore-certificate-errors")
        yield await browser.new_context(ignore_https_errors=True)
        await browser.close()


@pytest.fixture
async def browser() -> AsyncIterator[BrowserContext]:
    """A new profile of a real browser, which takes the tests' certificate for a good one."""
    async for item in _browsing():
        yield item


@pytest.fixture
async def other_browser() -> AsyncIterator[BrowserContext]:
    """A browser of somebody else."""
    async for item in _browsing():
        yield item
