"""Which ports tasks get."""

import pytest

from rosetta_hub.database.models import Task
from rosetta_hub.errors import PortsExhausted
from rosetta_hub.tasks.ports import assign_ports

from .conftest import Bench

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def assign(bench: Bench, ports: range, count: int = 1) -> Task:
    """A task, after it has asked for ports of the range."""
    task = Task(port=None, edge_ports={})
    interfaces = [None, *range(8000, 8000 + count - 1)]
    with bench.tasks.database.session() as session:
        assign_ports(session, task, interfaces, ports, set())
    return task


def test_ports_that_browsers_block_are_left_out(bench: Bench) -> None:
    task = assign(bench, range(6663, 6672), count=4)
    assert {task.port, *task.edge_ports.values()} == {6663, 6664, 6670, 6671}


def test_a_range_of_blocked_ports_is_exhausted(bench: Bench) -> None:
    with pytest.raises(PortsExhausted):
        assign(bench, range(10080, 10081))
