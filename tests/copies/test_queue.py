"""The queue of copies: begins, waits for storages, cancels, goes on after a restart."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from rosetta_hub.copies.records import CopyRecords
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_copies import Copy, CopyState
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.jobs.queue import JobQueue
from tests.support.eventually import until

from .conftest import BOB, Woken, some_copy


@dataclass
class Work:
    """Copies that go on until they are released."""

    records: CopyRecords
    faults: list[Exception] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    begun: list[str] = field(default_factory=list)
    released: set[str] = field(default_factory=set)
    cleaned: list[str] = field(default_factory=list)

    async def __call__(self, copy: Copy) -> None:
        if copy.cancelling:
            self.cleaned.append(copy.id)
            self.records.update(copy.id, lambda row: finish(row, CopyState.CANCELLED))
            return
        self.begun.append(copy.id)
        self.records.update(copy.id, start)
        if self.faults:
            raise self.faults.pop(0)
        self.running.add(copy.id)
        try:
            await until(lambda: copy.id in self.released)
        finally:
            self.running.discard(copy.id)
        self.records.update(copy.id, lambda row: finish(row, CopyState.DONE))


def start(row: Copy) -> None:
    row.state, row.started = CopyState.RUNNING, row.started or utc_now()


def finish(row: Copy, state: CopyState) -> None:
    row.state, row.ended = state, utc_now()


@asynccontextmanager
async def queue(work: Work, woken: Woken, at_once: int = 8) -> AsyncIterator[JobQueue[Copy]]:
    """A queue that runs."""
    result = JobQueue("copy", work.records, work, per_user=2, at_once=at_once)
    woken.listeners.append(result.wake)
    task = asyncio.create_task(result.run(), name="queue")
    yield result
    task.cancel()
    woken.listeners.remove(result.wake)
    for running in list(result._running.values()):
        running.cancel()


@pytest.fixture
def work(records: CopyRecords) -> Work:
    """What a copy does here."""
    return Work(records)


def state(records: CopyRecords, copy: Copy) -> Callable[[], CopyState]:
    return lambda: records.find(copy.id).state


async def test_copies_begin_in_turn(records: CopyRecords, work: Work, woken: Woken) -> None:
    async with queue(work, woken):
        mine = [records.add(some_copy()) for _ in range(3)]
        other = records.add(some_copy(BOB))
        await until(lambda: work.running == {mine[0].id, mine[1].id, other.id})
        work.released.add(mine[0].id)
        await until(lambda: work.running == {mine[1].id, mine[2].id, other.id})


async def test_a_restarted_service_goes_on(records: CopyRecords, work: Work, woken: Woken) -> None:
    copy = records.update(records.add(some_copy()).id, start)
    async with queue(work, woken):
        await until(lambda: work.begun == [copy.id])


async def test_a_storage_that_is_away_is_told_and_asked_again(
    records: CopyRecords, work: Work, woken: Woken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rosetta_hub.jobs.queue.FIRST_BACKOFF", 0.01)
    work.faults = [ResourceUnavailable("The storage Home does not answer.")] * 2
    async with queue(work, woken):
        calls: list[tuple[CopyState, str]] = []

        def look() -> bool:
            match = records.find(copy.id)
            calls.append((match.state, match.message))
            return copy.id in work.running

        copy = records.add(some_copy())
        await until(look)
    assert len(work.begun) == 3
    waiting = [message for state, message in calls if state is CopyState.QUEUED and message]
    assert all(text.startswith("The storage Home does not answer.") for text in waiting)


async def test_a_copy_that_waits_leaves_its_place(
    records: CopyRecords, work: Work, woken: Woken
) -> None:
    work.faults = [ResourceUnavailable("no answer")]
    async with queue(work, woken, at_once=1):
        away = records.add(some_copy())
        await until(lambda: "no answer" in records.find(away.id).message)
        other = records.add(some_copy(BOB))
        await until(lambda: work.running == {other.id})


async def test_cancelling_stops_and_cleans_up(
    records: CopyRecords, work: Work, woken: Woken
) -> None:
    async with queue(work, woken):
        copy = records.add(some_copy())
        await until(lambda: work.running == {copy.id})
        records.remove(copy.id, "alice")
        await until(lambda: records.find(copy.id).state is CopyState.CANCELLED)
    assert work.cleaned == [copy.id]
    assert work.running == set()


async def test_a_waiting_copy_is_cancelled_at_once(
    records: CopyRecords, work: Work, woken: Woken
) -> None:
    work.faults = [ResourceUnavailable("no answer")]
    async with queue(work, woken):
        copy = records.add(some_copy())
        await until(lambda: "no answer" in records.find(copy.id).message)
        records.remove(copy.id, "alice")
        await until(lambda: records.find(copy.id).state is CopyState.CANCELLED)


async def test_a_fault_of_ours_fails_the_copy_alone(
    records: CopyRecords, work: Work, woken: Woken, caplog: pytest.LogCaptureFixture
) -> None:
    work.faults = [ValueError("secret detail")]
    async with queue(work, woken):
        bad = records.add(some_copy())
        await until(lambda: records.find(bad.id).state is CopyState.FAILED)
        good = records.add(some_copy())
        await until(lambda: work.running == {good.id})
    assert "secret detail" not in records.find(bad.id).message
    assert "secret detail" in caplog.text
