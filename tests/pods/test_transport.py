"""Tunnels through an API server that echoes what it is to forward."""

import asyncio
from pathlib import Path

import pytest

from rosetta_hub.tunnels import transport_kubernetes
from rosetta_hub.tunnels.relay import Half
from rosetta_hub.tunnels.routes import KubernetesRoute, Tunnel
from rosetta_hub.tunnels.transport import TransportError
from rosetta_hub.tunnels.transport_kubernetes import KubernetesTransport
from tests.support.eventually import until

from .fake_api import Answer, FakeApi, failure
from .objects import NAME, NAMESPACE, UID, pod

PATH = f"/api/v1/namespaces/{NAMESPACE}/pods/{NAME}"


@pytest.fixture(params=["SPDY/3.1", "websocket"])
def upgrade(request: pytest.FixtureRequest, api: FakeApi) -> str:
    """The only protocol that passes."""
    api.upgrades = [request.param]
    return api.upgrades[0]


@pytest.fixture
async def transport(api: FakeApi, tmp_path: Path) -> KubernetesTransport:
    """To a pod that exists."""
    api.objects[PATH] = pod()
    return KubernetesTransport(KubernetesRoute(api.server, NAMESPACE, NAME, UID, 8888))


def refuse_forwarding(api: FakeApi, answer: Answer) -> None:
    """Answer this to whoever asks for a port, in either protocol."""
    api.refuse = lambda method, path: answer if path.endswith("/portforward") else None


async def end(half: Half) -> None:
    half.close()
    await until(lambda: half.is_lost)


@pytest.mark.usefixtures("upgrade")
async def test_bytes_come_back(transport: KubernetesTransport) -> None:
    half = await transport.connect()
    data = bytes(range(256)) * 4096
    half.write(data)
    assert await asyncio.wait_for(half.read_exactly(len(data)), 20) == data
    assert transport.state().state == "open"
    await end(half)


async def test_spdy_is_asked_for_once_where_it_does_not_pass(
    api: FakeApi, transport: KubernetesTransport
) -> None:
    api.upgrades = ["websocket"]
    for _ in range(3):
        await end(await transport.connect())
    forwarded = [method for method, path in api.asked if path.endswith("/portforward")]
    assert forwarded == ["POST", "GET", "GET", "GET"]


async def test_a_failure_of_the_server_is_told_and_says_nothing_of_spdy(
    api: FakeApi, transport: KubernetesTransport
) -> None:
    refuse_forwarding(api, failure(500, "InternalError", "error dialing backend: no route to host"))
    with pytest.raises(TransportError, match="no route to host"):
        await transport.connect()
    api.refuse = lambda method, path: None
    await end(await transport.connect())
    assert api.asked[-1][0] == "POST"


@pytest.mark.usefixtures("upgrade")
async def test_bytes_pass_the_socket_of_a_kubectl(api: FakeApi) -> None:
    api.objects[PATH] = pod()
    route = KubernetesRoute(api.proxied(), NAMESPACE, NAME, UID, 8888)
    assert Tunnel.from_document(Tunnel("a", 1, route).to_document()).route == route
    half = await KubernetesTransport(route).connect()
    half.write(b"hello")
    assert await asyncio.wait_for(half.read_exactly(5), 20) == b"hello"
    await end(half)


@pytest.mark.usefixtures("upgrade")
async def test_a_further_interface_has_its_own_port(
    api: FakeApi, transport: KubernetesTransport
) -> None:
    await end(await transport.connect(8787))
    assert set(api.ports) == {"8787"}


async def test_another_pod_of_that_name_is_never_entered(
    api: FakeApi, transport: KubernetesTransport
) -> None:
    api.objects[PATH]["metadata"]["uid"] = "another"
    with pytest.raises(TransportError, match="another one has its name"):
        await transport.connect()
    assert not [path for _, path in api.asked if path.endswith("/portforward")]
    assert transport.state().state == "waiting"


async def test_connections_of_one_moment_ask_for_the_uid_once(
    api: FakeApi, transport: KubernetesTransport
) -> None:
    halves = await asyncio.gather(*(transport.connect() for _ in range(4)))
    assert api.asked.count(("GET", PATH)) == 1
    transport.renew(api.server)
    halves.append(await transport.connect())
    assert api.asked.count(("GET", PATH)) == 2
    for half in halves:
        await end(half)


async def test_who_may_not_forward_is_told_so(api: FakeApi, transport: KubernetesTransport) -> None:
    refuse_forwarding(api, failure(403, "Forbidden", "you cannot create resource pods/portforward"))
    with pytest.raises(TransportError, match="cannot create resource pods/portforward"):
        await transport.connect()


@pytest.mark.usefixtures("upgrade")
async def test_a_port_that_nobody_listens_on(api: FakeApi, transport: KubernetesTransport) -> None:
    api.forward_error = b"error forwarding port 8888: connection refused"
    further = await transport.connect(8787)
    await until(lambda: further.is_lost)
    assert transport.state().state == "open"
    half = await transport.connect()
    await until(lambda: half.is_lost)
    state = transport.state()
    assert (state.state, state.error) == ("waiting", api.forward_error.decode())
    api.forward_error = b""
    await end(await transport.connect())
    assert transport.state().state == "open"


async def test_a_renewed_token_counts_from_the_next_connection(
    api: FakeApi, transport: KubernetesTransport
) -> None:
    api.token = "another token"
    with pytest.raises(TransportError, match="expired"):
        await transport.connect()
    transport.renew(api.server_with("another token"))
    await end(await transport.connect())


async def test_one_connection_too_many_is_refused_and_the_next_one_is_not(
    transport: KubernetesTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_kubernetes, "MOST_CONNECTIONS", 1)
    half = await transport.connect()
    with pytest.raises(TransportError, match="too many"):
        await transport.connect()
    await end(half)
    await end(await transport.connect())
