"""Ports that agents report: the edge leads to those that an engine publishes, and to no other."""

from pathlib import Path

import pytest

from rosetta_hub.catalogue.catalogue import load_catalogue
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task
from rosetta_hub.keys import Keys
from rosetta_hub.resources.local import LocalHost
from rosetta_hub.targets import TcpTarget, UnixTarget

from .conftest import COMPUTING, SOFTWARE


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalHost:
    """This machine; hub, service, edge and tunnels listen on the ports named here."""
    monkeypatch.setenv("JUPYTERHUB_API_URL", "http://127.0.0.1:19081/hub/api")
    settings = Rosetta(
        state_dir=str(tmp_path),
        hub_url="http://localhost:19000",
        service_url="http://127.0.0.1:19095",
        tasks_url="https://127.0.0.1",
        tasks_ports="18600-18699",
        tunnels_url="https://hub.example.org:19443",
    )
    computing = load_catalogue(SOFTWARE, COMPUTING).computing["local"]
    return LocalHost(computing, settings, Keys(tmp_path))


def task(kind: str, port: int | None, engine: str = "docker") -> Task:
    """A task whose agent has reported this interface."""
    states = [{"port": 8787, "published": port and port + 1, "ready": True}]
    return Task(
        id="a" * 12,
        attempt=1,
        engine=engine,
        interface_kind=kind,
        interface_port=port,
        interface_states=states,
    )


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_a_published_port_is_reached(host: LocalHost, engine: str) -> None:
    assert host.interface_target(task("port", 32768, engine)) == TcpTarget("127.0.0.1", 32768)
    dashboard = host.interface_target(task("port", 32768, engine), 8787)
    assert dashboard == TcpTarget("127.0.0.1", 32769)
    assert host.interface_target(task("port", 32768, engine), 6006) is None


@pytest.mark.parametrize(
    "port", [19081, 19000, 19095, 19443, 443, 8001, 18600, 18650, 18699], ids=str
)
def test_ports_of_hub_service_and_edge_are_not(host: LocalHost, port: int) -> None:
    assert host.interface_target(task("port", port)) is None
    assert host.interface_target(task("port", port - 1), 8787) is None


def test_an_engine_that_publishes_nothing_has_no_port(host: LocalHost) -> None:
    assert host.interface_target(task("port", 32768, "singularity")) is None


@pytest.mark.parametrize("kind", ["listener", "dial"])
def test_what_is_for_other_machines_has_no_port_here(host: LocalHost, kind: str) -> None:
    assert host.interface_target(task(kind, 32768)) is None


def test_a_socket_is_that_of_the_sandbox(host: LocalHost) -> None:
    target = host.interface_target(task("socket", 19081))
    assert isinstance(target, UnixTarget)
    assert target.path.endswith(f"/{'a' * 12}-1/interface.sock")
    dashboard = host.interface_target(task("socket", 19081), 8787)
    assert dashboard == UnixTarget(target.path.replace("interface.sock", "8787.sock"))
