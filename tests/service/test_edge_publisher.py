"""The service and the edge that it finds at its start."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rosetta_hub.config import Rosetta
from rosetta_hub.edge import EdgeClient, EdgeUnavailable, stop_edge
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.sidecar_settings import edge_config

from .conftest import Bench

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
async def state_dir(tmp_path: Path) -> AsyncIterator[Path]:
    """Where an edge may be left behind."""
    folder = tmp_path / "state"
    yield folder
    await stop_edge(edge_config(Rosetta(state_dir=str(folder), tasks_url="http://127.0.0.1")))


async def start_service(
    bench: Bench, state_dir: Path, **settings: object
) -> tuple[EdgePublisher, str]:
    """A service's part for the edge, and the edge that serves it after its first round."""
    rosetta = Rosetta(state_dir=str(state_dir), tasks_url="http://127.0.0.1", **settings)
    service = EdgePublisher(bench.tasks, {}, rosetta, bench.keys)
    await service.sync()
    return service, await find_instance(state_dir)


async def find_instance(state_dir: Path) -> str:
    return (await EdgeClient(state_dir / "edge.sock").status()).instance


async def test_edge_is_kept_over_a_restart(bench: Bench, state_dir: Path) -> None:
    service, first = await start_service(bench, state_dir)
    await service.sync()
    assert await find_instance(state_dir) == first
    _, second = await start_service(bench, state_dir)
    assert second == first


async def test_edge_with_other_settings_is_replaced(bench: Bench, state_dir: Path) -> None:
    _, first = await start_service(bench, state_dir)
    service, second = await start_service(bench, state_dir, tasks_bind_ip="127.0.0.2")
    assert second != first
    await service.sync()
    assert await find_instance(state_dir) == second


async def test_edge_that_ended_is_started_again(bench: Bench, state_dir: Path) -> None:
    service, first = await start_service(bench, state_dir)
    await stop_edge(edge_config(Rosetta(state_dir=str(state_dir), tasks_url="http://127.0.0.1")))
    await service.sync()
    assert await find_instance(state_dir) != first


async def test_edge_of_the_admin_is_left_alone(bench: Bench, state_dir: Path) -> None:
    with pytest.raises(EdgeUnavailable):
        await start_service(bench, state_dir, manage_edge=False)
    _, first = await start_service(bench, state_dir)
    _, second = await start_service(bench, state_dir, manage_edge=False, tasks_bind_ip="127.0.0.2")
    assert second == first
