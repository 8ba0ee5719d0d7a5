"""Tasks in the database: attempts, secrets, reports, on both databases."""

import asyncio

import pytest

from rosetta_hub.database.models import DesiredState, TaskState
from rosetta_hub.errors import Conflict, NotAllowed, NotFound
from rosetta_hub.tasks.report import Report
from tests.support.starting import start_task

from .conftest import ALICE, Bench


def report(state: str, sequence: int = 1, **keys: object) -> Report:
    """A report of an agent."""
    return Report.model_validate({"sequence": sequence, "state": state, **keys})


def test_a_start_is_recorded_and_wakes_the_reconciler(bench: Bench) -> None:
    task = start_task(bench.tasks, "one", {"software": "echo", "memory": "2G"}, ALICE)
    match = bench.tasks.find(task.id)
    assert (match.state, match.desired_state, match.attempt) == (
        TaskState.QUEUED,
        DesiredState.RUN,
        1,
    )
    assert match.memory == 2 << 30
    assert match.software["image_tag"] == "1"
    assert bench.woken == [task.id]


def test_large_numbers_fit(bench: Bench) -> None:
    """PostgreSQL's plain integer ends at 2 GB."""
    task = start_task(bench.tasks, "one", {"software": "echo", "memory": "4T"}, ALICE)
    big = report("pulling", progress={"done": 5 << 40, "total": 6 << 40})
    bench.tasks.report(task, big)
    assert bench.tasks.find(task.id).progress_total == 6 << 40


def test_an_active_task_is_not_started_twice(bench: Bench) -> None:
    start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    with pytest.raises(Conflict, match="already waiting to start"):
        start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    start_task(bench.tasks, "two", {"software": "echo"}, ALICE)


def test_a_new_attempt_begins_clean(bench: Bench) -> None:
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    bench.tasks.report(task, report("failed", reason="exited", exit_code=3, detail="oh no"))
    again = start_task(bench.tasks, "one", {"software": "echo", "version": "2"}, ALICE)
    assert (again.id, again.attempt, again.state) == (task.id, 2, TaskState.QUEUED)
    assert (again.reason, again.exit_code, again.detail) == (None, None, "")
    assert (again.sequence, again.ended, again.software["image_tag"]) == (0, None, "2")


def test_the_secret_of_an_attempt_opens_that_attempt_only(bench: Bench) -> None:
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    secret = bench.keys.agent_secret(task.id, 1)
    assert bench.tasks.check_agent(task.id, 1, secret).id == task.id
    with pytest.raises(NotAllowed):
        bench.tasks.check_agent(task.id, 1, "guess")
    with pytest.raises(NotAllowed):
        bench.tasks.check_agent(task.id, 2, secret)
    bench.tasks.report(task, report("failed", reason="exited"))
    start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    with pytest.raises(NotFound, match="newer attempt"):
        bench.tasks.check_agent(task.id, 1, secret)


def test_a_wrong_secret_does_not_tell_which_tasks_exist(bench: Bench) -> None:
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    answers = []
    for task_id in (task.id, "0123456789ab"):
        with pytest.raises(NotAllowed) as error:
            bench.tasks.check_agent(task_id, 1, "guess")
        answers.append(str(error.value))
    assert answers[0] == answers[1]
    with pytest.raises(NotFound):
        bench.tasks.check_agent("0123456789ab", 1, bench.keys.agent_secret("0123456789ab", 1))


def test_an_old_report_changes_nothing(bench: Bench) -> None:
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    bench.tasks.report(task, report("running", 5, interface={"kind": "socket"}))
    bench.tasks.report(task, report("starting", 4))
    assert bench.tasks.find(task.id).state is TaskState.RUNNING


def test_an_agent_of_an_ended_attempt_is_sent_away(bench: Bench) -> None:
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    task = bench.tasks.fail(task, "ports_exhausted")
    with pytest.raises(NotFound):
        bench.tasks.report(task, report("running", 2))
    assert bench.tasks.report(task, report("stopped", 3)) is DesiredState.STOP


def test_a_software_that_ends_well_was_stopped(bench: Bench) -> None:
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    bench.tasks.report(task, report("running", 1, interface={"kind": "port", "port": 4000}))
    bench.tasks.report(task, report("failed", 2, reason="exited", exit_code=0))
    assert bench.tasks.find(task.id).state is TaskState.STOPPED


def test_changes_of_an_older_attempt_are_refused(bench: Bench) -> None:
    """A slow stop of the first attempt must not stop the second one."""
    first = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    bench.tasks.report(first, report("stopped"))
    start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    with pytest.raises(NotFound):
        bench.tasks.request_stop(first)
    with pytest.raises(NotFound):
        bench.tasks.delete(first)
    assert bench.tasks.find(first.id).desired_state is DesiredState.RUN


def test_the_log_is_asked_for_where_it_ended(bench: Bench) -> None:
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)
    for offset, text in ((0, "one\n"), (0, "one\ntwo\n"), (4, "two\nthree\n")):
        bench.tasks.report(task, report("running", 1, log={"offset": offset, "text": text}))
    assert bench.tasks.logs.read(task.id, 1) == "one\ntwo\nthree\n"
    assert bench.tasks.logs.received(task.id, 1) == 14


async def test_many_active_tasks_are_read_by_turns(bench: Bench) -> None:
    tasks, turns = bench.tasks, 0
    started = [start_task(tasks, f"s{n}", {"software": "echo"}, ALICE) for n in range(7)]

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            if turns == 2:
                # It ends before its piece is read.
                tasks.stopped(started[0])
            await asyncio.sleep(0)

    other = asyncio.create_task(take_turns(), name="others")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rosetta_hub.tasks.queries.TASKS_IN_A_TURN", 2)
        listed = await tasks.active_by_turns()
    other.cancel()
    assert turns >= 3
    assert {task.id for task in listed} == {task.id for task in started[1:]}
    assert [task.id for task in await tasks.active_by_turns()] == [t.id for t in tasks.active()]
