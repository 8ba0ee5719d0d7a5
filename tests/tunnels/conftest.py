"""A real tunnels' process, a real sshd, and the agent's own listener and dialer as the node."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rosetta_agent.access_options import Tls
from rosetta_agent.dialer import DialerSpec, build_dialer
from rosetta_agent.listener import Guarded, Listener, bind, server_context
from rosetta_agent.splice import Backend
from rosetta_hub.sidecar_client import build_request, parse_answer
from rosetta_hub.ssh import Endpoint
from rosetta_hub.ssh.keys import KeyPair, generate_key_pair
from rosetta_hub.targets import UnixTarget
from rosetta_hub.tunnel_certificate import build_certificate
from rosetta_hub.tunnels import (
    DialListener,
    DirectRoute,
    ReverseRoute,
    SshRoute,
    Tunnel,
    TunnelsClient,
    TunnelsConfig,
    ensure_tunnels,
    stop_tunnels,
)
from tests.ssh.conftest import make_endpoint
from tests.support.certificates import make_certificate
from tests.support.eventually import until
from tests.support.ports import free_port
from tests.support.sshd import Sshd

TASK = "0123456789ab"
SECRET = "5e" * 32
DASHBOARD = 8787
DEADLINE = 20


class Container:
    """An interface on a unix socket and on a port: an echo, with a mark at its end."""

    def __init__(self, path: Path, mark: bytes = b"!") -> None:
        self.path = path
        self.mark = mark
        self.writers: set[asyncio.StreamWriter] = set()
        self.opened = 0
        self.greeting = b""
        self.port = 0
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        self._servers.append(await asyncio.start_unix_server(self._serve, self.path))
        self._servers.append(await asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._servers[1].sockets[0].getsockname()[1]

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        for writer in list(self.writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self.writers.add(writer)
        try:
            writer.write(self.greeting)
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.write(self.mark)
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.writers.discard(writer)
            writer.close()


@dataclass
class Rig:
    """One process of tunnels, and what its tunnels lead to."""

    config: TunnelsConfig
    sshd: Sshd
    endpoint: Endpoint
    container: Container
    dashboard: Container
    """A further interface, on the port DASHBOARD."""
    tunnel: Tunnel | None = None
    client: TunnelsClient = field(init=False)
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    listeners: list[Listener] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = TunnelsClient(self.config.socket)

    async def start(self) -> int:
        """The process's id."""
        return (await ensure_tunnels(self.config)).pid

    async def connect(
        self, interface: int | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """As the edge does."""
        path = self.config.task_socket(TASK, interface)
        return await asyncio.open_unix_connection(str(path))

    async def ask(self, data: bytes = b"hello") -> bytes:
        """As many bytes as were sent, as they come back; fewer where it is closed before."""
        reader, writer = await self.connect()
        try:
            writer.write(data)
            return await asyncio.wait_for(reader.readexactly(len(data)), DEADLINE)
        except asyncio.IncompleteReadError as error:
            return error.partial
        except ConnectionError:
            return b""
        finally:
            writer.close()

    def ssh_tunnel(self, attempt: int = 1) -> Tunnel:
        """To the container's own sockets."""
        target, further = (UnixTarget(str(item.path)) for item in (self.container, self.dashboard))
        route = SshRoute(self.endpoint, target, None, ((DASHBOARD, further),))
        return Tunnel(TASK, attempt, route, (DASHBOARD,))

    def listen(self, key: str = SECRET, tls: Tls | None = None) -> tuple[int, Listener]:
        """The agent's own guarded port on this node."""
        listening = bind("127.0.0.1", 0)
        loop = asyncio.get_running_loop()
        ports = {None: self.container.port, DASHBOARD: self.dashboard.port}
        backends = {name: Backend(loop, ports[name], lambda: ["127.0.0.1"]) for name in ports}
        listener = Listener(
            loop,
            listening,
            lambda admitted: Guarded(bytes.fromhex(key), admitted, backends),
            server_context(tls) if tls else None,
        )
        listener.start()
        self.listeners.append(listener)
        return listening.getsockname()[1], listener

    def direct_tunnel(self, port: int, spki: str, secret: str = SECRET) -> Tunnel:
        return Tunnel(TASK, 1, DirectRoute("127.0.0.1", port, secret, spki), (DASHBOARD,))

    def reverse_tunnel(self, secret: str = SECRET, attempt: int = 1) -> Tunnel:
        route = ReverseRoute(hashlib.sha256(secret.encode()).hexdigest())
        return Tunnel(TASK, attempt, route, (DASHBOARD,))

    def dial(self, secret: str = SECRET, ca: str | None = None) -> "asyncio.Task[None]":
        """The agent's own dialer, on this node."""
        assert self.config.dial is not None
        scheme = "https" if self.config.dial.tls_cert else "http"
        url = f"{scheme}://127.0.0.1:{self.config.dial.port}"
        further = [[DASHBOARD, str(self.dashboard.path)]]
        order = DialerSpec(url, ca, secret, TASK, 1, str(self.container.path), [], further)
        dialer = build_dialer(asyncio.get_running_loop(), order)
        task = asyncio.create_task(dialer.run())
        self.tasks.append(task)
        return task

    async def state(self) -> tuple[str, str | None]:
        state = (await self.client.states())[TASK]
        return state.state, state.error

    async def close(self) -> None:
        await stop_tunnels(self.config)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        loop = asyncio.get_running_loop()
        for listener in self.listeners:
            loop.remove_reader(listener._listener.fileno())
            listener._listener.close()
        await self.container.stop()
        await self.dashboard.stop()
        await until(lambda: not self.container.writers)
        for _ in range(5):
            # Transports close in a later round of the loop.
            await asyncio.sleep(0)


async def call(rig: Rig, method: str, path: str, body: dict[str, object]) -> tuple[int, object]:
    """Status and document of a call of the process's API."""
    reader, writer = await asyncio.open_unix_connection(str(rig.config.socket))
    writer.write(build_request(method, path, body))
    answer = parse_answer(await asyncio.wait_for(reader.read(), 20))
    writer.close()
    return answer


@pytest.fixture(scope="session")
def key_pair() -> KeyPair:
    return generate_key_pair("a test of tunnels")


@pytest.fixture
def sshd(tmp_path: Path, key_pair: KeyPair) -> Iterator[Sshd]:
    sshd = Sshd(tmp_path / "sshd")
    sshd.authorize(key_pair.public_key)
    yield sshd.start()
    sshd.kill()


@pytest.fixture
def node_certificate() -> tuple[Tls, str]:
    """What the node's port shows, and the key that is pinned."""
    certificate = build_certificate(secrets.token_bytes(32))
    return Tls(certificate.certificate, certificate.key), certificate.spki


async def build_rig(
    tmp_path: Path, sshd: Sshd, key_pair: KeyPair, dial: DialListener
) -> AsyncIterator[Rig]:
    """A tunnels' process in a folder, with what its tunnels lead to; closed at the end."""
    container, dashboard = Container(tmp_path / "c.sock"), Container(tmp_path / "d.sock", b"?")
    await container.start()
    await dashboard.start()
    config = TunnelsConfig(tmp_path / "state", dial)
    rig = Rig(config, sshd, make_endpoint(sshd, key_pair), container, dashboard)
    await rig.start()
    yield rig
    await rig.close()


@pytest.fixture
async def rig(tmp_path: Path, sshd: Sshd, key_pair: KeyPair) -> AsyncIterator[Rig]:
    """Nodes dial it without TLS."""
    async for item in build_rig(tmp_path, sshd, key_pair, DialListener(free_port(), "127.0.0.1")):
        yield item


@pytest.fixture
async def tls_rig(tmp_path: Path, sshd: Sshd, key_pair: KeyPair) -> AsyncIterator[Rig]:
    """Nodes dial it with TLS."""
    cert, key = make_certificate(tmp_path)
    dial = DialListener(free_port(), "127.0.0.1", cert, key)
    async for item in build_rig(tmp_path, sshd, key_pair, dial):
        yield item


@pytest.fixture(params=["ssh", "direct", "agent"])
async def opened(
    request: pytest.FixtureRequest, rig: Rig, node_certificate: tuple[Tls, str]
) -> Rig:
    """The rig with one tunnel, of each kind in turn."""
    if request.param == "ssh":
        rig.tunnel = rig.ssh_tunnel()
    elif request.param == "direct":
        tls, spki = node_certificate
        port, _ = rig.listen(tls=tls)
        rig.tunnel = rig.direct_tunnel(port, spki)
    else:
        rig.tunnel = rig.reverse_tunnel()
        rig.dial()
    await rig.client.put_tunnels([rig.tunnel])
    return rig
