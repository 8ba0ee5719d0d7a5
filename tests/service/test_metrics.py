"""The numbers for Prometheus: what they count, and who may read them."""

import asyncio
from collections.abc import Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rosetta_hub.catalogue.catalogue import load_catalogue
from rosetta_hub.edge.client import Activity
from rosetta_hub.errors import EdgeUnavailable
from rosetta_hub.metrics import event_loop
from rosetta_hub.metrics.metrics import Metrics
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.manager import TaskManager
from tests.support.starting import start_task

from .conftest import ALICE, COMPUTING, SOFTWARE, Bench
from .test_api import ACCESS, Site, site
from .test_manager import report

__all__ = ["site"]

Numbers = dict[tuple[str, tuple[str, ...]], float]


def traffic(bytes_in: int, bytes_out: int, connections: int) -> Activity:
    """What went through a task."""
    return Activity(bytes_in, bytes_out, None, connections, {})


class Edge:
    """Answers what it is told to; None: it does not answer."""

    def __init__(self) -> None:
        self.seen: Mapping[str, Activity] | None = {}

    async def activity(self) -> Mapping[str, Activity]:
        """The activity of each task."""
        if self.seen is None:
            raise EdgeUnavailable("no answer")
        return self.seen


def parse(text: str) -> Numbers:
    """Each number, by its name and the values of its labels, in the order of the labels' names."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def read(metrics: Metrics, edge: Edge | None = None) -> Numbers:
    """The numbers of now."""
    return parse((await metrics.render({}, 3, (edge or Edge()).activity)).decode())


@pytest.fixture
def metrics() -> Metrics:
    """Those of a service."""
    return Metrics()


@pytest.fixture
def tasks(bench: Bench, metrics: Metrics) -> TaskManager:
    """A task manager whose tasks are counted."""
    metrics.register_state(bench.tasks.database, ["local"])
    counted = metrics.tasks
    return TaskManager(
        bench.tasks.database,
        load_catalogue(SOFTWARE, COMPUTING),
        bench.keys,
        bench.tasks.logs,
        Broadcaster(),
        bench.woken.append,
        counted.watch,
        counted.plan,
    )


async def test_a_task_from_start_to_failure(tasks: TaskManager, metrics: Metrics) -> None:
    task = start_task(tasks, "one", {"software": "echo"}, ALICE)
    numbers = await read(metrics)
    assert numbers["rosetta_task_starts_total", ("local",)] == 1
    assert numbers["rosetta_tasks", ("local", "queued")] == 1
    assert numbers["rosetta_tasks", ("local", "running")] == 0
    tasks.report(task, report("starting"))
    tasks.report(tasks.find(task.id), report("running", sequence=2))
    numbers = await read(metrics)
    assert numbers["rosetta_tasks", ("local", "running")] == 1
    assert numbers["rosetta_task_wait_seconds_count", ("local",)] == 1
    assert numbers["rosetta_task_start_seconds_count", ("local",)] == 1
    tasks.fail(tasks.find(task.id), "no_answer")
    numbers = await read(metrics)
    assert numbers["rosetta_task_ends_total", ("local", "no_answer", "failed")] == 1
    assert numbers["rosetta_tasks", ("local", "running")] == 0


async def test_a_stopped_task_has_no_reason(tasks: TaskManager, metrics: Metrics) -> None:
    task = start_task(tasks, "one", {"software": "echo"}, ALICE)
    tasks.stopped(tasks.request_stop(task))
    numbers = await read(metrics)
    assert numbers["rosetta_task_ends_total", ("local", "", "stopped")] == 1
    assert numbers.get(("rosetta_task_start_seconds_count", ("local",)), 0) == 0


async def test_reasons_are_bounded(
    tasks: TaskManager, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rosetta_hub.metrics.tasks.MOST_REASONS", 2)
    for number in range(4):
        task = start_task(tasks, "one", {"software": "echo"}, ALICE)
        tasks.fail(task, f"reason{number}")
    numbers = await read(metrics)
    ends = {labels[1]: count for (name, labels), count in numbers.items() if "ends_total" in name}
    assert ends == {"reason0": 1, "reason1": 1, "other": 2}


async def test_traffic_is_added_up(metrics: Metrics) -> None:
    edge = Edge()
    for edge.seen in (
        {"one": traffic(10, 100, 2)},
        {"one": traffic(15, 100, 1), "two": traffic(5, 0, 1)},
        # Restarted: it counts from 0 again.
        {"one": traffic(3, 1, 0)},
    ):
        numbers = await read(metrics, edge)
    assert numbers["rosetta_edge_bytes_total", ("in",)] == 10 + 5 + 5 + 3
    assert numbers["rosetta_edge_bytes_total", ("out",)] == 101
    assert numbers["rosetta_edge_connections", ()] == 0
    edge.seen = None
    assert (await read(metrics, edge))["rosetta_edge_bytes_total", ("out",)] == 101


async def test_a_late_event_loop(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_loop, "INTERVAL", 0.01)
    loop = asyncio.create_task(metrics.loop_lag.run())
    while (await read(metrics))["rosetta_event_loop_lag_seconds_count", ()] < 2:
        await asyncio.sleep(0.01)
    loop.cancel()


async def test_who_may_read_them(site: Site) -> None:
    site.hub.scopes["prometheus"] = [ACCESS, "read:metrics"]
    assert (await site.fetch("GET", "metrics", token="")).code == 403
    refused = await site.fetch("GET", "metrics", token="alice")
    assert refused.code == 403
    assert b"read:metrics" in refused.body
    answer = await site.fetch("GET", "metrics", token="prometheus")
    assert answer.code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    task = site.start()
    numbers = parse((await site.fetch("GET", "metrics", token="prometheus")).body.decode())
    assert numbers["rosetta_up", ("edge",)] == 1
    assert numbers["rosetta_tasks", ("local", "running")] == 1
    text = str(numbers)
    assert task.id not in text
    assert "alice" not in text
