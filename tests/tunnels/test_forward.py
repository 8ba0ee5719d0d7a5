"""Connections of the service to ports of pods, through the tunnels' process."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rosetta_hub.sidecar_client import SidecarClient
from rosetta_hub.tunnels import TunnelsClient, TunnelsConfig, ensure_tunnels, stop_tunnels
from rosetta_hub.tunnels.client import TunnelsError, TunnelsUnavailable
from rosetta_hub.tunnels.routes import KubernetesRoute
from tests.pods.fake_api import FakeApi
from tests.pods.objects import NAME, NAMESPACE, UID, pod

DEADLINE = 20


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[FakeApi]:
    result = FakeApi(tmp_path)
    result.objects[f"/api/v1/namespaces/{NAMESPACE}/pods/{NAME}"] = pod()
    yield result
    await result.close()


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[TunnelsClient]:
    config = TunnelsConfig(tmp_path / "state", None)
    await ensure_tunnels(config)
    yield TunnelsClient(config.socket)
    await stop_tunnels(config)


def route(api: FakeApi, uid: str = UID) -> KubernetesRoute:
    return KubernetesRoute(api.server, NAMESPACE, NAME, uid, 7070)


async def test_bytes_go_to_the_port_of_the_pod_and_back(
    api: FakeApi, client: TunnelsClient
) -> None:
    reader, writer = await client.open_forward(route(api), DEADLINE)
    writer.write(b"hello")
    assert await asyncio.wait_for(reader.readexactly(5), DEADLINE) == b"hello"
    assert set(api.ports) == {"7070"}
    writer.close()
    await writer.wait_closed()


async def test_another_pod_of_the_same_name_is_not_entered(
    api: FakeApi, client: TunnelsClient
) -> None:
    with pytest.raises(TunnelsError, match="another one has its name"):
        await client.open_forward(route(api, "another"), DEADLINE)


async def test_what_leads_to_no_pod_is_refused(client: TunnelsClient) -> None:
    process = SidecarClient(client.socket, "the tunnels' process", TunnelsUnavailable)
    document = {"kind": "agent", "secret_sha256": "0" * 64}
    status, body = await process.call("POST", "/forward", {"route": document}, DEADLINE)
    assert (status, body["message"]) == (400, "the route leads to no pod")
    status, _ = await process.call("POST", "/forward", {"route": "a word"}, DEADLINE)
    assert status == 400
