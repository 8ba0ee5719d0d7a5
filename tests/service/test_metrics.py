"""The numbers for Prometheus: what they count, and who may read them."""

import asyncio
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rosetta_agent import protocol
from rosetta_hub import __version__
from rosetta_hub.catalogue.catalogue import load_catalogue
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.edge.client import Activity
from rosetta_hub.errors import EdgeUnavailable, ResourceUnavailable
from rosetta_hub.metrics import parts
from rosetta_hub.metrics.metrics import Metrics
from rosetta_hub.metrics.schedulers import MeasuredWms
from rosetta_hub.metrics.sources import SCRAPE_TIMEOUT, PartHealth, Sources
from rosetta_hub.metrics.tasks import EXPECTED_REASONS
from rosetta_hub.resources.wms import JobRefused, JobRequest, Wms
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.liveness import HEARTBEATS_UNTIL_UNRESPONSIVE
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tunnels.client import TunnelState, TunnelsUnavailable
from rosetta_hub.web import health
from rosetta_hub.web.health import Health
from tests.support.fake_slurm import FakeSlurm
from tests.support.starting import start_task

from .conftest import ALICE, COMPUTING, SOFTWARE, Bench
from .test_api import ACCESS, Site, database_down, site
from .test_manager import report

__all__ = ["site"]

ROOT = Path(__file__).parents[2]
HEARTBEAT = 5
CALLS = "rosetta_scheduler_calls_total"

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


@dataclass
class Work:
    """A queue."""

    length: int = 3
    failing: int = 1


async def nobody() -> Mapping[str, PartHealth]:
    """No part is looked at."""
    return {}


async def read(metrics: Metrics, edge: Edge | None = None, **more: Any) -> Numbers:
    """The numbers of now."""
    sources = Sources(**{"parts": nobody, "activity": (edge or Edge()).activity, **more})
    return parse((await metrics.render(sources)).decode())


@pytest.fixture
def metrics() -> Metrics:
    """Those of a service."""
    return Metrics()


@pytest.fixture
def tasks(bench: Bench, metrics: Metrics) -> TaskManager:
    """A task manager whose tasks are counted."""
    metrics.register_state(bench.tasks.database, ["local"], HEARTBEAT)
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
        counted.note_report,
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
    assert numbers["rosetta_task_faults_total", ("local",)] == 1
    assert numbers["rosetta_tasks", ("local", "running")] == 0


async def test_a_start_is_taken_apart(
    tasks: TaskManager, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([100.0, 130.0, 135.0, 200.0, 201.0])
    monkeypatch.setattr(metrics.tasks, "_now", lambda: next(times))
    task = start_task(tasks, "one", {"software": "echo"}, ALICE)
    for sequence, state in enumerate(["pulling", "starting", "running"], 1):
        tasks.report(tasks.find(task.id), report(state, sequence=sequence))
    numbers = await read(metrics)
    assert numbers["rosetta_task_phase_seconds_sum", ("local", "image")] == 30
    assert numbers["rosetta_task_phase_seconds_sum", ("local", "container")] == 5
    # A start that fails tells nothing about how long one takes.
    task = start_task(tasks, "two", {"software": "echo"}, ALICE)
    for sequence, state in enumerate(["pulling", "failed"], 1):
        tasks.report(tasks.find(task.id), report(state, sequence=sequence))
    assert (await read(metrics))["rosetta_task_phase_seconds_count", ("local", "image")] == 1
    assert metrics.tasks._phases == {}


async def test_tasks_that_are_not_heard_of(
    tasks: TaskManager, metrics: Metrics, bench: Bench
) -> None:
    task = start_task(tasks, "one", {"software": "echo"}, ALICE)
    tasks.report(task, report("running"))
    assert (await read(metrics))["rosetta_tasks_unresponsive", ("local",)] == 0
    age = timedelta(seconds=HEARTBEATS_UNTIL_UNRESPONSIVE * HEARTBEAT + 1)
    with bench.tasks.database.session() as session:
        session.merge(tasks.find(task.id)).last_heartbeat = utc_now() - age
    assert (await read(metrics))["rosetta_tasks_unresponsive", ("local",)] == 1
    # Its scheduler holds it: nobody expects it to report.
    tasks.update(task, _suspend)
    assert (await read(metrics))["rosetta_tasks_unresponsive", ("local",)] == 0


def _suspend(task: Task) -> None:
    task.job_id, task.job_state = "7", "SUSPENDED"


async def test_a_stopped_task_has_no_reason(tasks: TaskManager, metrics: Metrics) -> None:
    task = start_task(tasks, "one", {"software": "echo"}, ALICE)
    tasks.stopped(tasks.request_stop(task))
    numbers = await read(metrics)
    assert numbers["rosetta_task_ends_total", ("local", "", "stopped")] == 1
    assert numbers["rosetta_task_start_seconds_count", ("local",)] == 0


async def test_what_users_do_is_no_fault(tasks: TaskManager, metrics: Metrics) -> None:
    for reason in EXPECTED_REASONS:
        tasks.fail(start_task(tasks, "one", {"software": "echo"}, ALICE), reason)
    assert (await read(metrics))["rosetta_task_faults_total", ("local",)] == 0
    assert set(protocol.REASONS) >= EXPECTED_REASONS


async def test_reasons_are_bounded(
    tasks: TaskManager, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rosetta_hub.metrics.tasks.MOST_REASONS", 2)
    for number in range(4):
        task = start_task(tasks, "one", {"software": "echo"}, ALICE)
        tasks.fail(task, f"reason{number}")
    numbers = await read(metrics)
    ends = {
        labels[1]: count
        for (name, labels), count in numbers.items()
        if name == "rosetta_task_ends_total" and count
    }
    assert ends == {"reason0": 1, "reason1": 1, "other": 2}


async def test_traffic_is_added_up(tasks: TaskManager, metrics: Metrics) -> None:
    edge, task = Edge(), start_task(tasks, "one", {"software": "echo"}, ALICE).id
    for edge.seen in (
        {task: traffic(10, 100, 2)},
        {task: traffic(15, 100, 1), "gone": traffic(5, 0, 1)},
        # Restarted: it counts from 0 again.
        {task: traffic(3, 1, 0)},
    ):
        numbers = await read(metrics, edge)
    assert numbers["rosetta_edge_bytes_total", ("local", "in")] == 10 + 5 + 3
    assert numbers["rosetta_edge_bytes_total", ("local", "out")] == 101
    # Of a task that has ended meanwhile.
    assert numbers["rosetta_edge_bytes_total", ("", "in")] == 5
    assert numbers["rosetta_edge_connections", ()] == 0
    edge.seen = None
    assert (await read(metrics, edge))["rosetta_edge_bytes_total", ("local", "out")] == 101


async def test_scrapes_at_the_same_time_count_once(metrics: Metrics) -> None:
    edge = Edge()
    edge.seen = {"gone": traffic(10, 0, 1)}
    answers = await asyncio.gather(*(read(metrics, edge) for _ in range(5)))
    assert {numbers["rosetta_edge_bytes_total", ("", "in")] for numbers in answers} == {10}


async def test_tunnels_by_state(tasks: TaskManager, metrics: Metrics) -> None:
    task = start_task(tasks, "one", {"software": "echo"}, ALICE).id

    async def states() -> Mapping[str, TunnelState]:
        return {
            task: TunnelState("waiting", "secret.example.org"),
            "gone": TunnelState("open", None),
        }

    numbers = await read(metrics, tunnels=states)
    tunnels = {labels[1]: count for (name, labels), count in numbers.items() if "tunnels" in name}
    assert tunnels == {"open": 0, "waiting": 1, "error": 0}


async def test_queues_and_processes(metrics: Metrics) -> None:
    async def pid() -> int:
        return os.getpid()

    async def away() -> int:
        raise TunnelsUnavailable("no answer")

    pids = {"edge": pid, "tunnels": away}
    numbers = await read(metrics, queues={"tasks": Work()}, pids=pids)
    assert numbers["rosetta_queue_length", ("tasks",)] == 3
    assert numbers["rosetta_queue_failing", ("tasks",)] == 1
    own = numbers["process_start_time_seconds", ()]
    assert numbers["rosetta_edge_process_start_time_seconds", ()] == own
    assert ("rosetta_tunnels_process_start_time_seconds", ()) not in numbers


async def test_a_scrape_ends_though_nobody_answers(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rosetta_hub.metrics.sources.SCRAPE_TIMEOUT", 0.5)
    monkeypatch.setattr("rosetta_hub.web.health.TIMEOUT", 0.02)

    async def hang(*_: object) -> Any:
        await asyncio.Event().wait()

    checks = Health({"edge": (hang, "The edge does not answer.")})
    sources: dict[str, Any] = {"activity": hang, "tunnels": hang, "pids": {"edge": hang}}
    async with asyncio.timeout(10):
        numbers = await read(metrics, parts=checks.parts, **sources)
    assert numbers["rosetta_up", ("edge",)] == 0
    assert numbers["rosetta_info", (__version__,)] == 1


def test_a_scrape_ends_before_prometheus_gives_up() -> None:
    """Prometheus waits ten seconds for one, by default."""
    assert health.TIMEOUT < SCRAPE_TIMEOUT <= 5


async def test_a_scrape_without_a_database(
    tasks: TaskManager, metrics: Metrics, bench: Bench
) -> None:
    start_task(tasks, "one", {"software": "echo"}, ALICE)
    with database_down(bench):
        numbers = await read(metrics)
    assert numbers["rosetta_task_starts_total", ("local",)] == 1
    assert ("rosetta_tasks", ("local", "queued")) not in numbers
    assert (await read(metrics))["rosetta_tasks", ("local", "queued")] == 1


async def test_calls_of_schedulers(metrics: Metrics, tmp_path: Path) -> None:
    slurm = FakeSlurm(tmp_path)
    wms = metrics.schedulers.measure("cluster", slurm.wms())
    assert await wms.jobs(["alice"]) == []
    slurm.behave(squeue={"stderr": "slurm_load_jobs error: Unable to contact", "returncode": 1})
    with pytest.raises(ResourceUnavailable):
        await wms.jobs(["alice"])
    slurm.behave(
        sbatch={
            "stderr": "sbatch: error: Batch job submission failed: Invalid qos specification",
            "returncode": 1,
        }
    )
    with pytest.raises(JobRefused):
        await wms.submit(JobRequest("x"), "#!/bin/sh")
    numbers = await read(metrics)
    calls = {labels: n for (name, labels), n in numbers.items() if name == CALLS and n}
    assert calls == {
        ("jobs", "cluster", "answered"): 1,
        ("jobs", "cluster", "unanswered"): 1,
        ("submit", "cluster", "answered"): 1,
    }
    assert numbers["rosetta_scheduler_call_seconds_count", ("jobs", "cluster")] == 2


def test_all_calls_of_a_scheduler_are_counted() -> None:
    calls = {name for name in vars(Wms) if not name.startswith("_")}
    assert calls <= set(vars(MeasuredWms))


async def render_all(metrics: Metrics, database: Database) -> str:
    """A scrape in which every metric is there."""

    async def pid() -> int:
        return os.getpid()

    metrics.register_state(database, ["local"], HEARTBEAT)
    pids = {"edge": pid, "tunnels": pid}
    return (await metrics.render(Sources(nobody, Edge().activity, pids=pids))).decode()


async def test_all_metrics_are_documented(metrics: Metrics, database: Database) -> None:
    """And nothing else is."""
    text = await render_all(metrics, database)
    names = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
    names = {re.sub(r"(^|_)process_.*", r"\1process_*", name) for name in names}
    documented = (ROOT / "docs/monitoring.md").read_text()
    assert names == set(re.findall(r"^\| `([a-z_*]+)` \|", documented, re.MULTILINE))


@pytest.mark.system
async def test_promtool_has_nothing_to_say(metrics: Metrics, database: Database) -> None:
    """About names, units and help."""
    text = await render_all(metrics, database)
    process = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (process.returncode, process.stdout, process.stderr) == (0, "", "")


async def test_a_late_event_loop(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "LAG_INTERVAL", 0.01)
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
