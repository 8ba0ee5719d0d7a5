"""The way to files that a pod serves, with a listener of this process as the pod."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rosetta_agent.files.frames import JSON
from rosetta_agent.protocol import HELLO_SIZE, HandshakeError, ServerHandshake
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.files.channel import StorageUnavailable
from rosetta_hub.files.channel_pod import open_pod_channel
from rosetta_hub.kubernetes.api_server import ApiServer
from rosetta_hub.resources.kubernetes.file_pod import ServedPlace
from rosetta_hub.resources.kubernetes.file_pods import FilePod
from rosetta_hub.resources.kubernetes.volumes import Place
from rosetta_hub.tunnels.client import TunnelsClient, TunnelsError
from rosetta_hub.tunnels.routes import KubernetesRoute

SERVED = ServedPlace(Place("homes"), None)
SECRET = "5e" * 32
ROUTE = KubernetesRoute(ApiServer("https://cluster", ""), "n", "pod", "uid", 7070)


class Pods:
    """Whoever has pods: the pod is the one there is, as often as it is asked for."""

    def __init__(self, secret: str = SECRET) -> None:
        self.pod = FilePod(ROUTE, secret)
        self.forgotten = 0

    async def ready(self, served: ServedPlace, timeout: float) -> FilePod:
        return self.pod

    def forget(self, served: ServedPlace) -> None:
        self.forgotten += 1


class Forwarding(TunnelsClient):
    """Connects to a port of this machine; the first times it is refused."""

    def __init__(self, port: int, refusals: int) -> None:
        super().__init__(Path("/no/such/socket"))
        self.port, self.refusals = port, refusals

    async def open_forward(
        self, route: KubernetesRoute, timeout: float
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.refusals:
            self.refusals -= 1
            raise TunnelsError("the port is closed")
        return await asyncio.open_connection("127.0.0.1", self.port)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The pod's side: an echo behind the handshake."""
    handshake = ServerHandshake(bytes.fromhex(SECRET))
    with contextlib.suppress(HandshakeError, asyncio.IncompleteReadError, OSError):
        writer.write(handshake.feed(await reader.readexactly(HELLO_SIZE)))
        while not handshake.done:
            handshake.feed(await reader.readexactly(1))
        while data := await reader.read(1000):
            writer.write(data)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@contextlib.asynccontextmanager
async def listening(refusals: int = 0) -> AsyncIterator[Forwarding]:
    served: list[asyncio.Task[None]] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.create_task(serve(reader, writer)))

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        yield Forwarding(server.sockets[0].getsockname()[1], refusals)
        await asyncio.gather(*served)


async def test_frames_follow_the_handshake() -> None:
    async with listening() as tunnels:
        channel = await open_pod_channel(tunnels, Pods(), SERVED)
        await channel.send(JSON, b"{}")
        frame = await channel.receive()
        assert (frame.kind, frame.payload) == (JSON, b"{}")
        channel.close()
        await channel.wait_closed()


async def test_a_pod_that_does_not_listen_yet_is_tried_again() -> None:
    pods = Pods()
    async with listening(refusals=2) as tunnels:
        channel = await open_pod_channel(tunnels, pods, SERVED)
        channel.close()
        await channel.wait_closed()
    assert pods.forgotten == 2


async def test_a_pod_that_never_listens_is_told() -> None:
    async with listening(refusals=1000) as tunnels:
        with pytest.raises(StorageUnavailable, match="the port is closed"):
            await open_pod_channel(tunnels, Pods(), SERVED, timeout=0.5)


async def test_nothing_is_sent_to_somebody_who_does_not_know_the_secret() -> None:
    async with listening() as tunnels:
        with pytest.raises(StorageUnavailable, match="does not know its secret"):
            await open_pod_channel(tunnels, Pods("ab" * 32), SERVED, timeout=0.5)


async def test_why_there_is_no_pod_is_told() -> None:
    class NoPods(Pods):
        async def ready(self, served: ServedPlace, timeout: float) -> FilePod:
            raise ResourceUnavailable("The cluster is full.")

    async with listening() as tunnels:
        with pytest.raises(ResourceUnavailable, match="The cluster is full"):
            await open_pod_channel(tunnels, NoPods(), SERVED)
