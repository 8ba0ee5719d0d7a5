"""Logs of pods: how answers are read, and when the API server is asked."""

import asyncio
from typing import Any

import pytest

from rosetta_hub.database.models import Task, TaskState
from rosetta_hub.reconciler import pod_logs
from rosetta_hub.reconciler.pod_logs import PodLogs
from rosetta_hub.resources.kubernetes import namespace_queue
from rosetta_hub.resources.kubernetes.log_lines import parse_log
from rosetta_hub.tasks.events import Event

from .bench import Bench
from .objects import running

Document = dict[str, Any]
FIRST, SECOND = "2026-11-27T10:00:01.000000001Z", "2026-11-27T10:00:01.000000002Z"
THIRD = "2026-11-27T10:00:02.000000000Z"


def test_times_are_left_out() -> None:
    part = parse_log(f"{FIRST} one\n{SECOND} 2026-11-27 two\r\n".encode(), None, 1000)
    assert (part.text, part.last, part.is_cut) == ("one\n2026-11-27 two\r\n", SECOND, False)


def test_lines_that_were_read_before_are_left_out() -> None:
    answer = f"{FIRST} one\n{SECOND} two\n{THIRD} three\n".encode()
    part = parse_log(answer, SECOND, 1000)
    assert (part.text, part.last) == ("three\n", THIRD)
    assert parse_log(answer, THIRD, 1000).text == ""


def test_a_line_that_does_not_end_is_read_to_its_end_later() -> None:
    """A prompt without a newline has a time, and so has what is written after it."""
    assert parse_log(f"{FIRST} name: ".encode(), None, 1000).text == "name: "
    part = parse_log(f"{FIRST} name: \n{SECOND} alice\n".encode(), FIRST, 1000)
    assert part.text == "alice\n"


def test_an_answer_that_was_cut_off_ends_with_a_whole_line() -> None:
    answer = f"{FIRST} one\n{SECOND} tw".encode()
    part = parse_log(answer, None, len(answer))
    assert (part.text, part.last, part.is_cut) == ("one\n", FIRST, True)
    # A line that is longer than an answer is not asked for again and again.
    part = parse_log(f"{FIRST} o".encode(), None, 1)
    assert (part.text, part.last) == ("o", FIRST)


def test_a_log_without_times_is_read_at_once() -> None:
    """As a runtime might write it; nothing is known of what follows."""
    part = parse_log(b"one\ntwo\n\xff", None, 1000)
    assert (part.text, part.last) == ("one\ntwo\n\ufffd", None)


@pytest.fixture
async def task(bench: Bench, answers: list[bool]) -> Task:
    """A task that runs, and has written a line."""
    bench.api.log = [(FIRST, "one\n")]
    report = await bench.report(await bench.submit(bench.start()), **running())
    assert (report.state, bench.log(report)) == (TaskState.RUNNING, "one\n")
    return report


def log_requests(bench: Bench) -> int:
    return len([path for _, path in bench.api.asked if path.endswith("/log")])


async def test_a_log_that_nobody_looks_at_is_read_once(bench: Bench, task: Task) -> None:
    bench.api.log.append((SECOND, "two\n"))
    before = log_requests(bench)
    await bench.logs.follow()
    await bench.report(task, **running())
    assert (log_requests(bench), bench.log(task)) == (before, "one\n")


async def test_an_open_page_shows_what_is_written(bench: Bench, task: Task) -> None:
    bench.api.log += [(SECOND, "two\n"), (THIRD, "three\n")]
    with bench.tasks.events.listen(task.id) as events:
        await bench.logs.follow()
        event = events.get_nowait()
        assert isinstance(event, Event)
        assert (event.kind, event.offset, event.text) == ("log", 4, "two\nthree\n")
        await bench.logs.follow()
        assert events.empty()
    assert bench.log(task) == "one\ntwo\nthree\n"
    # Only what is new is asked for.
    assert bench.api.queries[-1]["sinceTime"] == THIRD


async def test_two_who_look_at_once_read_each_line_once(bench: Bench, task: Task) -> None:
    bench.api.log.append((SECOND, "two\n"))
    with bench.tasks.events.listen(task.id):
        await asyncio.gather(bench.logs.follow(), bench.logs.follow())
    assert bench.log(task) == "one\ntwo\n"


async def test_a_service_that_restarts_reads_on(bench: Bench, task: Task) -> None:
    bench.api.log.append((SECOND, "two\n"))
    restarted = PodLogs("cloud", bench.queue, bench.tasks)
    with bench.tasks.events.listen(task.id):
        await restarted.follow()
    assert bench.log(task) == "one\ntwo\n"


async def test_a_log_of_several_answers_is_read_to_its_end(
    bench: Bench, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = [f"2026-11-27T10:00:{number:02}.000000000Z" for number in range(3, 33)]
    bench.api.log += [(time, "more\n") for time in times]
    for module in (pod_logs, namespace_queue):
        monkeypatch.setattr(module, "LOG_BYTES", 100)
    with bench.tasks.events.listen(task.id):
        await bench.logs.follow()
    assert bench.log(task) == "one\n" + 30 * "more\n"


async def test_a_log_of_a_task_that_was_deleted_is_not_kept(bench: Bench, task: Task) -> None:
    pod = bench.pod(task)
    bench.api.log.append((SECOND, "two\n"))
    bench.tasks.fail(task, "internal")
    bench.tasks.delete(bench.tasks.find(task.id))
    await bench.logs._read_if_there(task, pod)
    assert bench.log(task) == ""
