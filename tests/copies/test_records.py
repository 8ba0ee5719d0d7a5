"""The rows of copies."""

import asyncio
from datetime import timedelta

import pytest

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.copies.records import CopyRecords, owner_of
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_copies import Copy, CopyState, Stage
from rosetta_hub.errors import NotFound

from .conftest import ALICE, BOB, Woken, some_copy


def begin(copy: Copy) -> None:
    copy.state, copy.started = CopyState.RUNNING, utc_now()


def end(copy: Copy) -> None:
    copy.state, copy.ended = CopyState.DONE, utc_now()


def test_a_user_finds_the_own_copies_alone(records: CopyRecords) -> None:
    mine = records.add(some_copy())
    assert records.find(mine.id, "alice").id == mine.id
    assert [copy.id for copy in records.of_user("alice")] == [mine.id]
    assert records.of_user("bob") == []
    with pytest.raises(NotFound):
        records.find(mine.id, "bob")
    with pytest.raises(NotFound):
        records.remove(mine.id, "bob")
    assert records.find(mine.id).state is CopyState.QUEUED


def test_the_user_is_the_same_after_a_restart(records: CopyRecords) -> None:
    user = User("alice", frozenset({"astro", "staff"}), True)
    assert owner_of(records.find(records.add(some_copy(user)).id)) == user


def test_a_new_copy_wakes_the_queue(records: CopyRecords, woken: Woken) -> None:
    records.add(some_copy())
    assert woken.count == 1


def test_a_copy_that_has_not_begun_is_cancelled_at_once(records: CopyRecords) -> None:
    copy = records.add(some_copy())
    removed = records.remove(copy.id, "alice")
    assert removed is not None
    assert removed.state is CopyState.CANCELLED
    assert removed.ended is not None
    assert records.active() == []


def test_a_copy_that_goes_on_is_asked_to_end(records: CopyRecords, woken: Woken) -> None:
    copy = records.update(records.add(some_copy()).id, begin)
    count = woken.count
    removed = records.remove(copy.id, "alice")
    assert removed is not None
    assert (removed.state, removed.cancelling) == (CopyState.RUNNING, True)
    assert woken.count == count + 1


def test_an_ended_copy_is_forgotten(records: CopyRecords) -> None:
    copy = records.update(records.add(some_copy()).id, end)
    assert records.remove(copy.id, "alice") is None
    with pytest.raises(NotFound):
        records.find(copy.id)


def test_old_copies_are_forgotten(records: CopyRecords) -> None:
    old, new, active = (records.add(some_copy()) for _ in range(3))

    def age(copy: Copy) -> None:
        end(copy)
        copy.ended = utc_now() - timedelta(days=8)

    records.update(old.id, age)
    records.update(new.id, end)
    records.forget_ended(utc_now() - timedelta(days=7))
    assert {copy.id for copy in records.of_user("alice")} == {new.id, active.id}


def test_nothing_of_a_deleted_user_is_left(records: CopyRecords) -> None:
    records.add(some_copy())
    records.update(records.add(some_copy()).id, end)
    running = records.update(records.add(some_copy()).id, begin)
    other = records.add(some_copy(BOB))
    assert not records.delete_user("alice")
    assert records.find(running.id).cancelling
    records.update(running.id, end)
    assert records.delete_user("alice")
    assert [copy.id for copy in records.of_user("bob")] == [other.id]


def test_copies_of_a_task(records: CopyRecords) -> None:
    ids = []
    for attempt, stage in ((1, Stage.INPUT), (1, Stage.OUTPUT), (2, Stage.INPUT)):
        copy = some_copy()
        copy.task_id, copy.attempt, copy.stage = "t" * 12, attempt, stage
        ids.append(records.add(copy).id)
    assert [copy.id for copy in records.of_task("t" * 12, 1, Stage.INPUT)] == ids[:1]


async def test_pages_learn_of_changes_of_their_user(records: CopyRecords) -> None:
    with records.events.listen(ALICE.name) as changes:
        records.add(some_copy(BOB))
        mine = records.add(some_copy())
        records.update(mine.id, begin)
        async with asyncio.timeout(5):
            assert await changes.take() == [mine.id]
        records.update(mine.id, end)
        records.remove(mine.id, "alice")
        async with asyncio.timeout(5):
            assert await changes.take() == [mine.id]
