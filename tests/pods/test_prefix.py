"""An API server below a path of another server, as Rancher's proxy has it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from rosetta_hub.kubernetes.api_server import ApiServer
from rosetta_hub.kubernetes.kubeconfig import read_kubeconfig
from rosetta_hub.resources.kubernetes.pods import Pods
from rosetta_hub.tunnels.routes import KubernetesRoute
from rosetta_hub.tunnels.transport_kubernetes import KubernetesTransport
from tests.support.eventually import until

from .bench import PODS
from .fake_api import TOKEN, FakeApi
from .objects import NAME, NAMESPACE, UID, pod

Document = dict[str, Any]
PREFIX = "/k8s/clusters/c-abc12"


@pytest.fixture
async def server(api: FakeApi) -> ApiServer:
    """A server that answers below the path alone."""
    api.objects[f"{PODS}/{NAME}"] = pod()
    return api.below(PREFIX)


def test_a_kubeconfig_keeps_the_path(tmp_path: Path) -> None:
    address = f"https://rancher.example.org{PREFIX}"
    path = tmp_path / "kubeconfig"
    cluster = {"server": f"{address}/", "certificate-authority-data": "Y2E="}
    config = {
        "clusters": [{"name": "one", "cluster": cluster}],
        "users": [{"name": "one", "user": {"token": TOKEN}}],
        "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
        "current-context": "one",
    }
    path.write_text(yaml.safe_dump(config))
    assert read_kubeconfig(path).url == address


async def test_calls_and_logs_go_below_it(api: FakeApi, server: ApiServer) -> None:
    api.log = [("2026-11-27T10:00:00.000000000Z", "hello")]
    answer = await api.client().call("GET", f"{PODS}/{NAME}")
    assert answer["metadata"]["uid"] == UID
    assert await api.client().raw(f"{PODS}/{NAME}/log", {"limitBytes": "100"}) == b"hello"


async def test_the_watch_goes_below_it(api: FakeApi, server: ApiServer) -> None:
    pods = Pods(api.client(), PODS, "hub=one")
    running = asyncio.ensure_future(pods.run())
    try:
        await until(lambda: bool(api.watches))
        changed: Document = pod()
        changed["metadata"]["name"] = "another"
        api.tell("ADDED", changed)
        await until(lambda: set(pods.all()) == {NAME, "another"})
    finally:
        running.cancel()


async def test_connections_to_tasks_go_below_it(server: ApiServer) -> None:
    transport = KubernetesTransport(KubernetesRoute(server, NAMESPACE, NAME, UID, 8888))
    half = await transport.connect()
    half.write(b"hello")
    assert await asyncio.wait_for(half.read_exactly(5), 20) == b"hello"
    half.close()
    await until(lambda: half.is_lost)
