"""How pods are deleted: at once while their software has not been started, and else with time."""

from typing import Any

import pytest

from rosetta_hub.database.models import Task

from .bench import PODS, Bench
from .fake_api import Answer, failure
from .objects import ended, running, waiting

Document = dict[str, Any]


async def stop(bench: Bench, task: Task) -> None:
    """As the reconciler does."""
    (job,) = await bench.queue.find(task)
    await bench.queue.cancel("alice", job)


def change(bench: Bench, task: Task, status: Document) -> None:
    """A node says what it does with the pod."""
    bench.pod(task)["status"] = status
    bench.api.tell("MODIFIED", bench.pod(task))


@pytest.mark.parametrize(
    ("status", "grace"),
    [
        ({"phase": "Pending"}, 0),
        (waiting("ContainerCreating"), 0),
        (waiting("ImagePullBackOff"), 0),
        (running(), None),
        (ended("Failed", of_pod="Evicted"), None),
    ],
)
async def test_a_pod_has_time_to_end_if_its_software_was_started(
    bench: Bench, status: Document, grace: int | None
) -> None:
    task = await bench.submit(bench.start())
    change(bench, task, status)
    await bench.queue.remove(bench.pod(task))
    (options,) = bench.api.deletions
    assert options.get("gracePeriodSeconds") == grace
    assert await bench.queue.find(task) == []


@pytest.mark.parametrize(("status", "grace"), [(running(), None), (waiting("ErrImagePull"), 0)])
async def test_what_the_node_says_meanwhile_counts(
    bench: Bench, status: Document, grace: int | None
) -> None:
    """The server compares the version of the pod with the one that was looked at."""
    task = await bench.submit(bench.start())
    document = {**bench.pod(task), "metadata": {**bench.pod(task)["metadata"]}}
    change(bench, task, status)
    await bench.queue.remove(document)
    (options,) = bench.api.deletions
    assert options.get("gracePeriodSeconds") == grace


async def test_a_cluster_that_allows_no_deletion_at_once(bench: Bench) -> None:
    """As an administrator may have it, by an admission webhook."""
    task = await bench.submit(bench.start())
    refusals = [failure(403, "Forbidden", "admission webhook denied the request")]

    def refuse(method: str, path: str) -> Answer | None:
        return refusals.pop() if method == "DELETE" and path.startswith(PODS) and refusals else None

    bench.api.refuse = refuse
    await stop(bench, task)
    assert bench.api.deletions == [{"preconditions": {"uid": task.job_id}}]
