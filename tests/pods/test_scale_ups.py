"""Pods for which an autoscaler adds a node: recorded events of the cluster autoscaler."""

from typing import Any

import pytest

from rosetta_hub.database.models import Task
from rosetta_hub.resources.kubernetes import scale_ups

from .bench import Bench
from .fake_api import failure
from .objects import event

Document = dict[str, Any]
EVENTS = "/api/v1/namespaces/rosetta/events"
UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/1 nodes are available: 1 Insufficient memory.",
}


@pytest.fixture(autouse=True)
def interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale_ups, "INTERVAL", 0.0)


async def why(bench: Bench, task: Task) -> str:
    await bench.queue.pods._list()
    (job,) = await bench.queue.jobs([task])
    return bench.queue.why(job, task)


async def test_a_node_that_is_added_is_told_until_it_is_there(bench: Bench) -> None:
    task = await bench.submit(bench.start())
    bench.pod(task)["status"]["conditions"] = [UNSCHEDULABLE]
    assert "has too little free memory" in await why(bench, task)
    scaled: Document = event("TriggeredScaleUp", "pod triggered scale-up: [{pool 1->2 (max: 5)}]")
    scaled["involvedObject"] = {"uid": task.job_id}
    bench.api.objects[f"{EVENTS}/1"] = scaled
    assert await why(bench, task) == "Waiting for a node, which the cluster is adding."
    assert {"fieldSelector": "reason=TriggeredScaleUp"} in bench.api.queries
    bench.pod(task)["status"]["conditions"] = [{**UNSCHEDULABLE, "status": "True"}]
    assert "adding" not in await why(bench, task)


async def test_events_are_not_asked_for_while_no_pod_waits_for_a_node(bench: Bench) -> None:
    task = await bench.submit(bench.start())
    await why(bench, task)
    assert ("GET", EVENTS) not in bench.api.asked


async def test_a_server_that_does_not_tell_events_is_no_silent_one(bench: Bench) -> None:
    task = await bench.submit(bench.start())
    bench.pod(task)["status"]["conditions"] = [UNSCHEDULABLE]

    def refuse(method: str, path: str) -> tuple[int, Document] | None:
        return failure(403, "Forbidden", "events is forbidden") if path == EVENTS else None

    bench.api.refuse = refuse
    assert "has too little free memory" in await why(bench, task)
