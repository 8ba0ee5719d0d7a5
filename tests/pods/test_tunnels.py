"""How the edge reaches pods: which tunnel, and which address."""

from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.database.models import Task, TaskState, utc_now
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.reconciler import readiness_probe
from rosetta_hub.reconciler.readiness_probe import answers as asks
from rosetta_hub.resources.kubernetes.pods import Pods
from rosetta_hub.resources.kubernetes.tunnels import find_address
from rosetta_hub.targets import TcpTarget

from .bench import Bench, make_bench
from .fake_api import FakeApi
from .objects import pod, running

ADDRESS = "10.91.1.7"


@pytest.fixture
async def bench(api: FakeApi, tmp_path: Path) -> Bench:
    """A hub in the cluster's network."""
    return await make_bench(api, tmp_path, tunnel="pod")


async def run(bench: Bench, address: str = ADDRESS) -> Task:
    """A task whose pod runs and has an address."""
    task = await bench.submit(bench.start())
    return await bench.report(task, **running(utc_now().isoformat()), podIP=address)


async def test_a_pod_is_reached_at_its_own_address(bench: Bench, answers: list[bool]) -> None:
    task = await run(bench)
    assert task.state is TaskState.RUNNING
    assert bench.queue.interface_target(task) == TcpTarget(ADDRESS, 8888)
    assert bench.queue.interface_target(task, 8787) == TcpTarget(ADDRESS, 8787)
    assert not bench.queue.uses_tunnels
    assert bench.queue.tunnel(task) is None


async def test_the_address_stays_known_while_the_server_is_away(
    bench: Bench, answers: list[bool]
) -> None:
    task = await run(bench)
    bench.queue.pods._lose("The Kubernetes API server can't be reached.")
    assert bench.queue.interface_target(task) == TcpTarget(ADDRESS, 8888)


async def test_before_the_pods_are_listed_nobody_knows_where_a_task_is(
    bench: Bench, answers: list[bool], api: FakeApi
) -> None:
    task = await run(bench)
    # As after a start of the service.
    bench.queue._tunnels._pods = Pods(api.client(), "/pods", "")
    with pytest.raises(ResourceUnavailable):
        bench.queue.interface_target(task)


async def test_another_pod_of_the_same_name_is_never_entered(
    bench: Bench, answers: list[bool]
) -> None:
    task = await run(bench)
    bench.pod(task)["metadata"]["uid"] = "another"
    await bench.queue.pods._list()
    assert bench.queue.interface_target(task) is None


async def test_a_pod_without_an_address_does_not_answer(bench: Bench, answers: list[bool]) -> None:
    task = await run(bench, address="")
    assert task.state is TaskState.STARTING


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "169.254.169.254", "0.0.0.0", "224.0.0.1", "localhost", "", None],
)
def test_a_node_can_not_lead_the_edge_to_the_hub_itself(address: Any) -> None:
    assert find_address(pod({"podIP": address})) is None


@pytest.mark.parametrize("address", [ADDRESS, "fd00:10:91::7"])
def test_addresses_of_pods(address: str) -> None:
    assert find_address(pod({"podIP": address})) == address


async def test_an_address_is_asked_as_a_socket_is(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(api.server.url.rpartition(":")[2])
    assert await asks(TcpTarget("127.0.0.1", port), "https", "/")
    # A server of https says nothing by itself.
    monkeypatch.setattr(readiness_probe, "PATIENCE", 0.2)
    assert not await asks(TcpTarget("127.0.0.1", port), "ssh", "/")
