"""Tasks that run and have nothing new to tell: a heartbeat of all of them costs one statement."""

import asyncio
from datetime import timedelta

import pytest

from rosetta_hub.database.models import Task, TaskState, utc_now
from rosetta_hub.tasks import manager

from .bench import Bench
from .objects import running
from .test_usage import METRICS, item

LONG_AGO = timedelta(minutes=10)


async def start_running(bench: Bench, name: str = "one") -> Task:
    """A task that runs, and whose last heartbeat is long ago."""
    task = await bench.report(await bench.submit(bench.start(name)), **running())
    assert task.state is TaskState.RUNNING

    def age(row: Task) -> None:
        row.last_heartbeat = utc_now() - LONG_AGO

    return bench.tasks.update(task, age)


def is_recent(bench: Bench, task: Task) -> bool:
    last_heartbeat = bench.tasks.find(task.id).last_heartbeat
    return last_heartbeat is not None and utc_now() - last_heartbeat < LONG_AGO / 2


async def test_a_task_that_goes_on_is_not_reported_again(bench: Bench, answers: list[bool]) -> None:
    task = await start_running(bench)
    await bench.look()
    assert bench.tasks.find(task.id).sequence == task.sequence
    assert not is_recent(bench, task)
    bench.reporter._heartbeats.send(now=100.0)
    assert is_recent(bench, task)


async def test_heartbeats_go_with_their_interval(bench: Bench, answers: list[bool]) -> None:
    task = await start_running(bench)
    heartbeats = bench.reporter._heartbeats
    heartbeats._interval = 5
    heartbeats._due = 100.0
    heartbeats.send(now=99.0)
    assert not is_recent(bench, task)
    heartbeats.send(now=100.0)
    assert is_recent(bench, task)
    assert heartbeats._due == 105.0


async def test_many_tasks_are_noted_in_parts(
    bench: Bench, answers: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager, "HEARTBEATS_AT_ONCE", 2)
    tasks = [await start_running(bench, str(number)) for number in range(5)]
    bench.reporter._heartbeats.send(now=100.0)
    assert all(is_recent(bench, task) for task in tasks)


async def test_an_attempt_that_is_over_gets_no_heartbeat(bench: Bench, answers: list[bool]) -> None:
    task = await start_running(bench)
    other = await start_running(bench, "other")
    bench.tasks.note_heartbeats({(task.id, task.attempt + 1)})
    assert not is_recent(bench, task)
    bench.tasks.fail(other, "internal")
    bench.reporter._heartbeats.send(now=100.0)
    assert not is_recent(bench, other)


async def test_a_task_whose_node_does_not_answer_gets_no_heartbeat(
    bench: Bench, answers: list[bool]
) -> None:
    task = await start_running(bench)
    ready = {"Ready": "False", "ContainersReady": "True"}
    document = {"conditions": [{"type": kind, "status": status} for kind, status in ready.items()]}
    await bench.report(task, **{**running(), **document})
    bench.reporter._heartbeats.send(now=100.0)
    assert not is_recent(bench, task)


async def test_what_could_not_be_reported_is_news_at_the_next_look(
    bench: Bench, answers: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await start_running(bench)
    bench.reporter._heartbeats.forget(task)
    with monkeypatch.context() as patch:
        patch.setattr(bench.tasks, "report", lambda *_: 1 / 0)
        await asyncio.gather(*bench.reporter.begin_looks())
    await bench.look()
    assert bench.tasks.find(task.id).sequence > task.sequence


async def test_an_interface_is_asked_until_it_answers(bench: Bench, answers: list[bool]) -> None:
    task = await start_running(bench)
    result = bench.pod(task)
    bench.reporter._heartbeat = 5
    report = bench.reporter._report
    assert await report(bench.tasks.find(task.id), result) == 60
    further = [{"port": 8787, "name": "Dashboard", "protocol": "http"}]

    def add(row: Task) -> None:
        row.software = {**row.software, "interfaces": further}

    bench.tasks.update(task, add)
    answers[0] = False
    assert await report(bench.tasks.find(task.id), result) == 5


async def test_what_a_task_uses_is_reported_as_soon_as_it_is_known(
    bench: Bench, answers: list[bool]
) -> None:
    """A minute later, one that computes may have been taken for idle."""
    task = await start_running(bench)
    bench.reporter._heartbeat = 5
    await bench.look()
    assert bench.reporter.begin_looks() == []
    metrics = {"items": [item(bench.queue.job_name(task), cpu="500m")]}
    bench.api.refuse = lambda _method, path: (200, metrics) if path == METRICS else None
    await bench.queue.usage.refresh()
    await bench.look()
    assert bench.tasks.find(task.id).cpu_seconds == 10
