"""When a pod is looked at: once it has changed, often while it starts, else as a heartbeat."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rosetta_hub.database.models import Task, TaskState
from rosetta_hub.reconciler import pod_probes
from rosetta_hub.reconciler.pod_rounds import PodRounds
from rosetta_hub.targets import Target
from tests.support.eventually import until

from .bench import Bench
from .objects import running

Document = dict[str, Any]


def pod(name: str) -> Document:
    return {"metadata": {"name": name}}


def test_pods_are_due_when_they_are_new_have_changed_or_had_their_time() -> None:
    rounds = PodRounds()
    pods = {"one": pod("one"), "two": pod("two")}
    assert rounds.take(pods, now=100) == [pods["one"], pods["two"]]
    rounds.note(pods["one"], due=101)
    rounds.note(pods["two"], due=115)
    assert (rounds.take(pods, now=100.5), rounds.next(130)) == ([], 101)
    assert rounds.take(pods, now=101) == [pods["one"]]
    # Another document of the same pod is a change of it.
    pods["two"] = pod("two")
    assert rounds.take(pods, now=100.5) == [pods["two"]]


def test_pods_that_are_gone_are_forgotten() -> None:
    rounds = PodRounds()
    rounds.note(pod("one"), due=101)
    assert rounds.take({}, now=100) == []
    assert rounds.next(130) == 130


async def test_a_change_of_one_pod_is_a_report_of_its_task_alone(
    bench: Bench, answers: list[bool]
) -> None:
    bench.reporter._heartbeat = 60
    tasks = [await bench.submit(bench.start(str(number))) for number in range(3)]
    for task in tasks:
        bench.pod(task).update(status=running(), spec={"nodeName": "node1"})
    await bench.queue.pods._list()
    await bench.look()
    before = [bench.tasks.find(task.id) for task in tasks]
    assert {task.state for task in before} == {TaskState.RUNNING}
    pods = bench.queue.pods
    name = bench.queue.job_name(tasks[1])
    changed = {**pods.all()[name], "status": running()}
    changed["status"]["containerStatuses"][0]["imageID"] = f"web@sha256:{'0' * 64}"
    pods._take({"type": "MODIFIED", "object": changed})
    await bench.look()
    after = [bench.tasks.find(task.id) for task in tasks]
    assert [now.sequence - then.sequence for now, then in zip(after, before, strict=True)] == [
        *(0, 1, 0)
    ]


async def test_an_interface_is_asked_less_often_the_longer_it_does_not_answer(
    bench: Bench, answers: list[bool]
) -> None:
    answers[0] = False
    task = await bench.report(await bench.submit(bench.start()), **running())
    assert task.state is TaskState.STARTING
    pauses = []
    for seconds in (0, 2, 30):
        since = bench.reporter._running_since
        for key in since:
            since[key] -= seconds
        (view,) = bench.queue.pods.all().values()
        pauses.append(await bench.reporter._report(bench.tasks.find(task.id), view))
    assert pauses[0] == 0.1
    assert 0.5 <= pauses[1] < 1
    assert pauses[2] == 1


def test_a_pod_that_is_being_looked_at_is_not_due() -> None:
    rounds = PodRounds()
    pods = {"one": pod("one"), "two": pod("two")}
    assert rounds.take(pods, now=100) == [*pods.values()]
    rounds.note(pods["two"], due=115)
    pods["one"] = pod("one")
    assert (rounds.take(pods, now=101), rounds.next(130)) == ([], 115)
    # Its change has come meanwhile.
    rounds.note({"metadata": {"name": "one"}}, due=115)
    assert rounds.take(pods, now=101) == [pods["one"]]


def test_a_pod_is_looked_at_at_once_when_something_else_has_changed() -> None:
    rounds = PodRounds()
    pods = {"one": pod("one"), "two": pod("two")}
    first, second = rounds.take(pods, now=100)
    rounds.note(first, due=115)
    rounds.hasten("one")
    rounds.hasten("two")
    assert rounds.take(pods, now=100) == [first]
    assert rounds.note(second, due=115) == 0
    assert rounds.take(pods, now=100) == [second]
    assert rounds.note(second, due=115) == 115
    assert rounds.take(pods, now=100) == []


async def test_the_end_of_a_look_makes_only_a_pod_due_that_has_changed_meanwhile(
    bench: Bench, answers: list[bool]
) -> None:
    bench.reporter._heartbeat = 60
    task = await bench.report(await bench.submit(bench.start()), **running())
    reporter, pods = bench.reporter, bench.queue.pods
    (view,) = pods.all().values()
    changed = {**view, "status": running()}
    reporter._due = asyncio.get_running_loop().time() + 1
    reporter._rounds.hasten(bench.queue.job_name(task))
    reporter._changed.clear()
    await asyncio.gather(*reporter.begin_looks())
    assert not reporter._changed.is_set()
    reporter._rounds.hasten(bench.queue.job_name(task))
    looks = reporter.begin_looks()
    pods._take({"type": "MODIFIED", "object": changed})
    # As the loop does with a change.
    reporter._changed.clear()
    assert (len(looks), reporter.begin_looks()) == (1, [])
    await asyncio.gather(*looks)
    assert reporter._changed.is_set()


@pytest.fixture
async def rounds(bench: Bench) -> AsyncIterator[Bench]:
    """A cluster whose pods are looked at when they change."""
    bench.reporter._heartbeat = 60
    running = asyncio.create_task(bench.reporter.run())
    yield bench
    running.cancel()


def change(bench: Bench, task: Task, **status: Any) -> None:
    """The watch tells that the pod of a task is like that now."""
    document = {**bench.pod(task), "spec": {"nodeName": "node1"}, "status": status}
    bench.queue.pods._take({"type": "MODIFIED", "object": document})


async def wait_for(bench: Bench, task: Task, state: TaskState) -> None:
    await until(lambda: bench.tasks.find(task.id).state is state)


async def test_an_interface_that_does_not_answer_holds_up_no_report(
    rounds: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent, other = [await rounds.submit(rounds.start(name)) for name in ("silent", "other")]
    event = asyncio.Event()

    async def answer(target: Target, *_: object) -> bool:
        if target == rounds.queue.probe_target(silent):
            event.set()
            await asyncio.Event().wait()
        return True

    monkeypatch.setattr(pod_probes, "answers", answer)
    change(rounds, silent, **running())
    await event.wait()
    await wait_for(rounds, silent, TaskState.STARTING)
    change(rounds, other, **running())
    await wait_for(rounds, other, TaskState.RUNNING)
    # Its own end neither.
    statuses = [{"name": "task", "state": {"terminated": {"exitCode": 3}}}]
    change(rounds, silent, phase="Failed", containerStatuses=statuses)
    await wait_for(rounds, silent, TaskState.FAILED)


async def test_a_node_that_does_not_answer_holds_up_no_report_of_others(
    rounds: Bench, answers: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    value, other = [await rounds.submit(rounds.start(name)) for name in ("lost", "other")]
    event, read = asyncio.Event(), rounds.queue.log

    async def log(document: Document, since: str | None = None) -> bytes:
        if document["metadata"]["name"] == rounds.queue.job_name(value):
            event.set()
            await asyncio.Event().wait()
        return await read(document, since)

    monkeypatch.setattr(rounds.queue, "log", log)
    change(rounds, value, **running())
    await event.wait()
    change(rounds, other, **running())
    await wait_for(rounds, other, TaskState.RUNNING)
