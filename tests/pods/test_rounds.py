"""When a pod is looked at: once it has changed, often while it starts, else as a heartbeat."""

from typing import Any

from rosetta_hub.database.models import TaskState
from rosetta_hub.reconciler.pod_rounds import PodRounds

from .bench import Bench
from .objects import running

Document = dict[str, Any]


def pod(name: str) -> Document:
    return {"metadata": {"name": name}}


def test_pods_are_due_when_they_are_new_have_changed_or_had_their_time() -> None:
    rounds = PodRounds()
    pods = {"one": pod("one"), "two": pod("two")}
    assert rounds.due(pods, now=100) == [pods["one"], pods["two"]]
    rounds.note(pods["one"], due=101)
    rounds.note(pods["two"], due=115)
    assert (rounds.due(pods, now=100.5), rounds.next(130)) == ([], 101)
    assert rounds.due(pods, now=101) == [pods["one"]]
    # Another document of the same pod is a change of it.
    pods["two"] = pod("two")
    assert rounds.due(pods, now=100.5) == [pods["two"]]


def test_pods_that_are_gone_are_forgotten() -> None:
    rounds = PodRounds()
    rounds.note(pod("one"), due=101)
    assert rounds.due({}, now=100) == []
    assert rounds.next(130) == 130


async def test_a_change_of_one_pod_is_a_report_of_its_task_alone(
    bench: Bench, answers: list[bool]
) -> None:
    bench.reporter._heartbeat = 60
    tasks = [await bench.submit(bench.start(str(number))) for number in range(3)]
    for task in tasks:
        bench.pod(task).update(status=running(), spec={"nodeName": "node1"})
    await bench.queue.pods._list()
    await bench.reporter.step()
    before = [bench.tasks.find(task.id) for task in tasks]
    assert {task.state for task in before} == {TaskState.RUNNING}
    pods = bench.queue.pods
    name = bench.queue.job_name(tasks[1])
    pods._take({"type": "MODIFIED", "object": dict(pods.all()[name])})
    await bench.reporter.step()
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
        (shown,) = bench.queue.pods.all().values()
        pauses.append(await bench.reporter._report(bench.tasks.find(task.id), shown))
    assert pauses[0] == 0.1
    assert 0.5 <= pauses[1] < 1
    assert pauses[2] == 1
