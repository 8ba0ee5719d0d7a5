"""A namespace that is deleted under running tasks, and with it what lets the hub in."""

import pytest

from rosetta_hub.database.models import Task, TaskState
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.reconciler.job_watcher import JobWatcher
from rosetta_hub.tasks.conditions import Conditions
from rosetta_hub.tasks.state_messages import message

from .bench import PODS, SECRETS, Bench
from .fake_api import Answer, failure
from .objects import ended, running

FORBIDDEN = (403, "Forbidden")
BEING_DELETED = failure(
    *FORBIDDEN,
    'secrets "rosetta-probe" is forbidden: unable to create new content in namespace rosetta'
    " because it is being terminated",
)
NO_RIGHTS = failure(
    *FORBIDDEN, 'pods is forbidden: User "hub" cannot list resource "pods" in the namespace'
)
NO_ACCOUNT = failure(401, "Unauthorized", "Unauthorized")
DELETED = "2026-11-27T10:00:00Z"


@pytest.fixture
def watcher(bench: Bench) -> JobWatcher:
    """What asks for all jobs."""
    computing = bench.tasks.catalogue.computing["cloud"]
    return JobWatcher(computing, bench.queue, bench.tasks, Conditions())


async def run_one(bench: Bench, name: str = "one") -> Task:
    """A task that runs, as far as the server has told."""
    task = await bench.submit(bench.start(name))
    return await bench.report(task, **running())


async def begin_to_end(bench: Bench, task: Task) -> None:
    """The server tells that somebody has deleted the pod."""
    bench.pod(task)["metadata"]["deletionTimestamp"] = DELETED
    await bench.queue.pods._list()


def refuse_all(bench: Bench, answer: Answer) -> None:
    bench.api.refuse = lambda method, path: answer


async def lose(bench: Bench, watcher: JobWatcher) -> None:
    """The list of pods is refused, and the queue looked at."""
    bench.queue.pods._be_shut_out("pods is forbidden")
    with pytest.raises(ResourceUnavailable):
        await watcher.step()


def check_deleted(bench: Bench, task: Task) -> None:
    task = bench.tasks.find(task.id)
    assert (task.state, task.reason) == (TaskState.FAILED, "namespace_deleted")
    assert "its namespace rosetta was deleted on The cloud" in message(task, "The cloud")


@pytest.mark.parametrize("answer", [NO_RIGHTS, NO_ACCOUNT])
async def test_pods_that_were_deleted_before_the_hub_was_shut_out(
    bench: Bench, watcher: JobWatcher, answer: Answer
) -> None:
    result, ending, other = [await run_one(bench, name) for name in ("gone", "ending", "other")]
    await begin_to_end(bench, ending)
    bench.queue.pods._take({"type": "DELETED", "object": bench.pod(result)})
    refuse_all(bench, answer)
    await lose(bench, watcher)
    for task in (result, ending):
        check_deleted(bench, task)
    # Of this one nothing is known.
    assert not bench.tasks.find(other.id).state.final


async def test_the_administrator_is_told_what_to_create_again(
    bench: Bench, watcher: JobWatcher
) -> None:
    task = await run_one(bench)
    await begin_to_end(bench, task)
    await lose(bench, watcher)
    (condition,) = watcher._conditions.of_computing("cloud").values()
    assert "`rosetta-hub kubernetes manifests cloud`" in condition.message


async def test_a_pod_on_a_node_that_does_not_answer_may_go_on(
    bench: Bench, watcher: JobWatcher
) -> None:
    task = await run_one(bench)
    bench.pod(task)["status"]["conditions"] = [
        {"type": "Ready", "status": "False"},
        {"type": "ContainersReady", "status": "True"},
    ]
    await begin_to_end(bench, task)
    await lose(bench, watcher)
    assert not bench.tasks.find(task.id).state.final


async def test_who_is_let_in_again_knows_more(bench: Bench, watcher: JobWatcher) -> None:
    task = await run_one(bench)
    bench.queue.pods._take({"type": "DELETED", "object": bench.pod(task)})
    bench.queue.pods._lose("connection refused")
    with pytest.raises(ResourceUnavailable):
        await watcher.step()
    assert not bench.tasks.find(task.id).state.final
    await bench.queue.pods._list()
    assert not bench.queue.pods.removed


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_namespace_that_is_being_deleted_takes_nothing_new(
    bench: Bench, watcher: JobWatcher, is_there: bool
) -> None:
    """As long as the hub may ask: when its pod's software has ended, or when the pod is gone."""
    task = await run_one(bench)
    bench.api.refuse = lambda method, path: BEING_DELETED if path == SECRETS else None
    if is_there:
        bench.pod(task)["metadata"]["deletionTimestamp"] = DELETED
        await bench.report(task, **ended(exitCode=143))
    else:
        bench.queue.pods._take({"type": "DELETED", "object": bench.pod(task)})
        del bench.api.objects[f"{PODS}/{bench.queue.job_name(task)}"]
        await watcher.step()
    check_deleted(bench, task)


async def test_nothing_is_concluded_of_a_pod_of_which_nothing_may_be_read(bench: Bench) -> None:
    """Its end is told by the list of pods, which is refused next."""
    task = await run_one(bench)
    bench.pod(task)["metadata"]["deletionTimestamp"] = DELETED
    bench.pod(task)["status"] = ended(exitCode=143)
    await bench.queue.pods._list()
    refuse_all(bench, NO_RIGHTS)
    await bench.look()
    assert not bench.tasks.find(task.id).state.final
