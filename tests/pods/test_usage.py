"""What pods use, as metrics-server 0.6 answers it."""

from typing import Any

import pytest

from rosetta_hub.database.models import Task, TaskState
from rosetta_hub.resources.kubernetes import usage
from rosetta_hub.resources.kubernetes.usage import PodUsage, parse_metrics

from .bench import Bench
from .fake_api import Answer, FakeApi, failure
from .objects import NAME, running

Document = dict[str, Any]
METRICS = "/apis/metrics.k8s.io/v1beta1/namespaces/rosetta/pods"


def item(name: str = NAME, second: int = 0, cpu: str = "500m", memory: str = "64Mi") -> Document:
    """One pod of the answer."""
    return {
        "metadata": {"name": name, "namespace": "rosetta"},
        "timestamp": f"2026-11-27T10:00:{second:02}Z",
        "window": "20s",
        "containers": [
            {"name": "sidecar", "usage": {"cpu": "7", "memory": "7Gi"}},
            {"name": "task", "usage": {"cpu": cpu, "memory": memory}},
        ],
    }


class Clock:
    """The seconds that have passed."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Metrics:
    """A server with metrics, and who reads them."""

    def __init__(self, api: FakeApi) -> None:
        self.items: list[Document] = []
        self.answer: Answer | None = None
        self.clock = Clock()
        self.usage = PodUsage(api.client(), "rosetta", "hub=one", self.clock)
        api.refuse = self.refuse

    def refuse(self, method: str, path: str) -> Answer | None:
        """The answer to who asks for metrics."""
        if path != METRICS:
            return None
        return self.answer or (200, {"items": self.items})

    async def tell(self, *items: Document, after: float = 60) -> bool:
        """Ask for these, some seconds later."""
        self.clock.now += after
        self.items = list(items)
        return await self.usage.refresh()


@pytest.fixture
async def metrics(api: FakeApi) -> Metrics:
    """A cluster with a metrics server."""
    return Metrics(api)


async def test_cpu_seconds_are_summed_up(metrics: Metrics, api: FakeApi) -> None:
    await metrics.tell(item(cpu="500m"))
    assert api.queries[-1] == {"labelSelector": "hub=one"}
    # Half a core over the 20 seconds of the window.
    assert metrics.usage.report(NAME, None) == {"cpu_seconds": 10, "memory": 64 << 20}
    await metrics.tell(item(second=40, cpu="250000000n", memory="131072Ki"))
    assert metrics.usage.report(NAME, 10) == {"cpu_seconds": 20, "memory": 128 << 20}


async def test_an_answer_with_nothing_new_adds_nothing(metrics: Metrics) -> None:
    await metrics.tell(item())
    await metrics.tell(item())
    assert metrics.usage.report(NAME, None) == {"cpu_seconds": 10, "memory": 64 << 20}


async def test_a_service_that_restarts_goes_on(metrics: Metrics) -> None:
    await metrics.tell(item())
    assert metrics.usage.report(NAME, 300.0) == {"cpu_seconds": 310, "memory": 64 << 20}


async def test_what_is_old_is_not_known_any_more(metrics: Metrics) -> None:
    await metrics.tell(item())
    metrics.clock.now += usage.LONGEST_AGE + 1
    assert metrics.usage.report(NAME, 10) is None
    # The same sample again is no news.
    await metrics.tell(item())
    assert metrics.usage.report(NAME, 10) is None


@pytest.mark.parametrize("answer", [failure(404, "NotFound", ""), failure(403, "Forbidden", "")])
async def test_a_cluster_without_metrics(metrics: Metrics, answer: Answer) -> None:
    metrics.answer = answer
    assert await metrics.tell() is False
    assert metrics.usage.report(NAME, None) is None


UNREADABLE = [
    {"metadata": {"name": NAME}},
    {**item(), "timestamp": None},
    {**item(), "containers": []},
    item(cpu="many"),
    item(memory="-1"),
]


@pytest.mark.parametrize("document", UNREADABLE)
def test_what_can_not_be_read_is_left_out(document: Document) -> None:
    assert [*parse_metrics([document, item(name="other")])] == ["other"]


@pytest.mark.parametrize(("window", "seconds"), [("1m0.5s", 60.5), ("30s", 30), ("", 0), ("x", 0)])
def test_windows(window: str, seconds: float) -> None:
    sample = parse_metrics([{**item(), "window": window}])[NAME]
    assert sample.span == seconds


async def report_with(bench: Bench, task: Task, *items: Document) -> Task:
    """The task after a report while the server has these metrics."""
    bench.api.refuse = lambda method, path: (
        (200, {"items": list(items)}) if path == METRICS else None
    )
    await bench.queue.usage.refresh()
    return await bench.report(task, **running())


async def test_a_report_tells_the_usage(bench: Bench, answers: list[bool]) -> None:
    task = await bench.submit(bench.start())
    task = await bench.report(task, **running())
    assert (task.state, task.cpu_seconds) == (TaskState.RUNNING, None)
    name = bench.queue.job_name(task)
    task = await report_with(bench, task, item(name=name))
    assert (task.cpu_seconds, task.memory_used) == (10, 64 << 20)
    task = await report_with(bench, task, item(name=name, second=20, cpu="2"))
    assert task.cpu_seconds == 50
    # Where its pod is missing among the metrics, it might be computing.
    task = await report_with(bench, task)
    assert task.cpu_seconds is None
