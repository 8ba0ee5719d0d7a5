"""How often the API server is asked: a start costs a few requests, and a task that runs none."""

import pytest

from rosetta_hub.database.models import TaskState
from rosetta_hub.reconciler import pod_events

from .bench import PODS, SECRETS, Bench
from .objects import event, running, waiting

EVENTS = "/api/v1/namespaces/rosetta/events"


def requests(bench: Bench) -> list[tuple[str, str]]:
    """What was asked of the server, without the lists that stand for the watch here."""
    return [(method, path) for method, path in bench.api.asked if (method, path) != ("GET", PODS)]


async def test_a_start_asks_for_a_pod_a_secret_and_its_log(
    bench: Bench, answers: list[bool]
) -> None:
    task = await bench.submit(bench.start())
    pod = f"{PODS}/{bench.queue.job_name(task)}"
    answers[0] = False
    for status in (waiting("ContainerCreating"), running(), running()):
        task = await bench.report(task, **status)
    answers[0] = True
    task = await bench.report(task, **running())
    assert task.state is TaskState.RUNNING
    assert requests(bench) == [("POST", PODS), ("POST", SECRETS), ("GET", f"{pod}/log")]


async def test_tasks_that_run_ask_for_nothing(bench: Bench) -> None:
    for number in range(10):
        await bench.report(await bench.submit(bench.start(str(number))), **running())
    before = len(bench.api.asked)
    for _ in range(3):
        await bench.look()
        await bench.logs.follow()
    assert len(bench.api.asked) == before


async def test_events_of_a_pull_are_asked_for_by_turns(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await bench.submit(bench.start())
    bench.api.objects[f"{EVENTS}/1"] = event("Pulling")
    task = await bench.report(task, **waiting("ContainerCreating"))
    assert task.message == "Starting on node1."
    monkeypatch.setattr(pod_events, "INTERVAL", 0.0)
    bench.reporter._events.forget_others(set())
    task = await bench.report(task, **waiting("ContainerCreating"))
    assert task.message == "Fetching the image on node1."
    result = requests(bench).count(("GET", EVENTS))
    # What is known stays on the page until the next look.
    monkeypatch.setattr(pod_events, "INTERVAL", 60.0)
    for _ in range(3):
        task = await bench.report(task, **waiting("ContainerCreating"))
    assert task.message == "Fetching the image on node1."
    assert requests(bench).count(("GET", EVENTS)) == result + 1


async def test_events_of_a_failure_are_asked_for_at_once(bench: Bench) -> None:
    task = await bench.submit(bench.start())
    failure = event("Failed", 'Failed to pull image "web": rpc error: manifest unknown')
    bench.api.objects[f"{EVENTS}/1"] = failure
    task = await bench.report(task, **waiting("ErrImagePull"))
    assert (task.state, task.reason) == (TaskState.FAILED, "image_not_found")
