"""Submissions whose answers were lost: no task is lost, and no pod is made twice."""

from typing import cast

import pytest

from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task, TaskState
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.ingress.ingress import Ingress
from rosetta_hub.reconciler.job_steps import JobSteps
from rosetta_hub.resources.kubernetes.pod import build_labels
from rosetta_hub.resources.wms import JobRefused

from .bench import PODS, Bench
from .fake_api import Answer, failure
from .objects import NAMESPACE

TIMED_OUT = failure(500, "InternalError", "etcdserver: request timed out")


class NoIngress:
    """Neither edge nor tunnels: what is tested here comes before them."""

    async def open(self, task: Task) -> float | None:
        return None

    async def close_to_users(self, task: Task) -> None:
        """Nobody was in."""


class NoWatcher:
    def expect_change(self) -> None:
        """The list of pods says it."""

    def locate(self, task: Task) -> None:
        """The list of pods says it."""


def create_late(bench: Bench, task: Task) -> None:
    """The server creates the pod, whose submission nobody waits for any more."""
    name = bench.queue.job_name(task)
    labels = build_labels(task, bench.keys.deployment)
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
    bench.api.refuse = lambda method, path: None
    bench.api.answer("POST", PODS, {"metadata": metadata, "spec": {}})


@pytest.fixture
def steps(bench: Bench) -> JobSteps:
    """What submits and stops tasks."""
    return JobSteps(bench.tasks, cast(Ingress, NoIngress()), Rosetta(), {"cloud": NoWatcher()})


async def submit_without_answer(bench: Bench, steps: JobSteps, arrives: bool) -> Task:
    """A task whose pod was asked for; the server did so, or it did not, and says nothing."""
    task = bench.start()

    def lose(method: str, path: str) -> Answer | None:
        if (method, path) != ("POST", PODS):
            return None
        if arrives:
            create_late(bench, task)
        return TIMED_OUT

    bench.api.refuse = lose
    with pytest.raises(ResourceUnavailable):
        await steps.step(task, bench.queue)
    bench.api.refuse = lambda method, path: None
    task = bench.tasks.find(task.id)
    assert task.submitting is not None
    return task


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_submission_is_repeated_at_once(
    bench: Bench, steps: JobSteps, arrives: bool
) -> None:
    """The pod's name is that of the attempt, so that one that arrives late is no second one."""
    task = await submit_without_answer(bench, steps, arrives)
    await steps.step(task, bench.queue)
    assert bench.tasks.find(task.id).job_id == bench.pod(task)["metadata"]["uid"]
    assert len([path for path in bench.api.objects if path.startswith(PODS)]) == 1


async def test_a_pod_of_somebody_else_is_not_taken_for_the_tasks(bench: Bench) -> None:
    """Nor stopped, nor waited for: a task whose pod has no labels of ours would never end."""
    task = bench.start()
    labels = {"rosetta-hub/deployment": "another hub"}
    metadata = {"name": bench.queue.job_name(task), "namespace": NAMESPACE, "labels": labels}
    bench.api.answer("POST", PODS, {"metadata": metadata, "spec": {}})
    with pytest.raises(JobRefused, match="is not of this hub"):
        await bench.queue.submit(task)
    assert await bench.queue.find(task) == []
    assert bench.pod(task)["metadata"]["labels"] == labels


async def test_a_task_whose_submission_was_lost_is_stopped_at_once(
    bench: Bench, steps: JobSteps
) -> None:
    task = await submit_without_answer(bench, steps, arrives=False)
    bench.tasks.request_stop(task)
    await steps.step(bench.tasks.find(task.id), bench.queue)
    assert bench.tasks.find(task.id).state is TaskState.STOPPED
    # The server gets to it later.
    create_late(bench, task)
    await bench.queue.pods._list()
    await bench.look()
    assert not [path for path in bench.api.objects if path.startswith(PODS)]


async def test_tasks_are_submitted_as_soon_as_the_server_answers_again(bench: Bench) -> None:
    task = bench.start()
    woken: list[str] = []
    bench.tasks._wake = woken.append
    bench.queue.pods._lose("connection refused")
    for _ in range(2):
        with pytest.raises(ResourceUnavailable):
            await bench.look()
    assert woken == []
    await bench.queue.pods._list()
    for _ in range(2):
        await bench.look()
    assert woken == [task.id]
