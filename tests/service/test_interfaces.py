"""Further interfaces of a task: their addresses, their cookies, and what is shown of them."""

from typing import Any

import pytest

from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import DesiredState, Task, TaskState
from rosetta_hub.ingress.listeners import ListenerBuilder
from rosetta_hub.targets import Target, UnixTarget
from rosetta_hub.tasks.conditions import Conditions
from rosetta_hub.tasks.task_urls import open_path, task_url, waiting_path
from rosetta_hub.tasks.view import Rights, Viewer
from tests.support.starting import start_task

from .conftest import ALICE, Bench

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

DASHBOARD = {"name": "Dashboard", "port": 8787, "protocol": "http", "path": "/status"}
BOARD = {"name": "Board", "port": 6006, "protocol": "https", "path": "/"}
BY_PORT = Rosetta(tasks_url="http://tasks.example")
BY_NAME = Rosetta(tasks_url="https://*.tasks.example:8443")


class Here:
    """A resource whose interfaces are sockets."""

    def interface_target(self, task: Task, interface: int | None = None) -> Target:
        return UnixTarget(f"/w/{interface}.sock")


@pytest.fixture
def task(bench: Bench) -> Task:
    """A task that runs and declares two interfaces, of which one answers."""
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)

    def run(row: Task) -> None:
        row.state, row.port, row.edge_ports = TaskState.RUNNING, 7001, {"8787": 7002}
        row.software = {**row.software, "interfaces": [DASHBOARD, BOARD]}
        row.interface_states = [{"port": 8787, "published": None, "ready": True}]

    return bench.tasks.update(task, run)


def view(bench: Bench, task: Task) -> list[dict[str, Any]]:
    """What the API shows of the further interfaces."""
    viewer = Viewer(BY_PORT, bench.tasks.logs, Conditions())
    rights = Rights(stop=True, start=True, delete=True, log=True)
    return [interface.model_dump() for interface in viewer.view(task, rights).interfaces]


@pytest.mark.parametrize("protocol", ["http", "ssh"])
def test_addresses(task: Task, protocol: str) -> None:
    """Also beside a main interface that is no web page."""
    task.software["interface_protocol"] = protocol
    assert task_url(task, BY_PORT, 8787) == "http://tasks.example:7002"
    assert task_url(task, BY_NAME, 8787) == f"https://{task.id}-8787.tasks.example:8443"
    assert open_path(task, BY_PORT, 8787) == f"/services/rosetta/open/{task.id}?interface=8787"
    waiting = waiting_path(task, BY_PORT, "/x", 8787)
    assert waiting == f"/services/rosetta/tasks/{task.id}?wait=1&next=%2Fx&interface=8787"


def test_what_is_shown(bench: Bench, task: Task) -> None:
    url = f"/services/rosetta/open/{task.id}?interface="
    assert view(bench, task) == [
        {"name": "Dashboard", "port": 8787, "url": f"{url}8787", "ready": True},
        {"name": "Board", "port": 6006, "url": f"{url}6006", "ready": False},
    ]
    task.desired_state = DesiredState.STOP
    assert [(item["url"], item["ready"]) for item in view(bench, task)] == [(None, False)] * 2


def test_tasks_of_the_former_version_show_none(bench: Bench) -> None:
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    del task.software["interfaces"]
    assert view(bench, task) == []


def test_a_new_attempt_knows_nothing_of_the_former(bench: Bench, task: Task) -> None:
    bench.tasks.stopped(task)
    again = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    assert (again.id, again.attempt, again.interface_states) == (task.id, 2, [])


def test_what_the_edge_is_told(bench: Bench, task: Task) -> None:
    builder = ListenerBuilder({"local": Here()}, BY_NAME, bench.keys)  # type: ignore[dict-item]
    main, dashboard, board = builder.build(task, {})
    assert [item.id for item in (main, dashboard, board)] == [
        task.id,
        f"{task.id}-8787",
        f"{task.id}-6006",
    ]
    assert main.interfaces == (8787, 6006)
    assert [item.target_tls for item in (main, dashboard, board)] == [False, False, True]
    assert dashboard.target == UnixTarget("/w/8787.sock")
    assert dashboard.name == "Dashboard of Echo"
    assert len({item.cookie_secret for item in (main, dashboard, board)}) == 3
    assert dashboard.authorization is None, "what opens the notebook is not the dashboard's"


def test_an_interface_without_a_port_is_not_open_yet(bench: Bench, task: Task) -> None:
    builder = ListenerBuilder({"local": Here()}, BY_PORT, bench.keys)  # type: ignore[dict-item]
    assert [item.port for item in builder.build(task, {})] == [7001, 7002]
