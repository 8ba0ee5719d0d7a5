"""The reconciler's queue."""

import asyncio

from rosetta_hub.errors import Unavailable
from rosetta_hub.reconciler.work_queue import WorkQueue


def one_group(_key: str) -> str:
    return ""


async def test_one_worker_a_key_and_nothing_is_missed() -> None:
    """What is added while its work goes on is worked again, and never at once."""
    active = runs = 0
    event = asyncio.Event()

    async def work(_key: str) -> None:
        nonlocal active, runs
        active += 1
        assert active == 1
        runs += 1
        if runs == 1:
            queue.add("a")
            queue.add("a")
        await asyncio.sleep(0)
        active -= 1
        if runs == 2:
            event.set()

    queue = WorkQueue(work, one_group, workers=4)
    queue.add("a")
    await asyncio.wait_for(event.wait(), 10)
    queue.close()
    assert runs == 2


async def test_an_error_is_tried_again_and_stays_its_own() -> None:
    tries = 0
    event, other = asyncio.Event(), asyncio.Event()

    async def work(key: str) -> None:
        nonlocal tries
        if key == "good":
            other.set()
            return
        tries += 1
        if tries == 1:
            raise Unavailable("not now")
        if tries == 2:
            raise ZeroDivisionError
        event.set()

    queue = WorkQueue(work, one_group, workers=1)
    queue.add("bad")
    queue.add("good")
    await asyncio.wait_for(other.wait(), 10)
    await asyncio.wait_for(event.wait(), 20)
    queue.close()


async def test_the_earlier_of_two_times_counts() -> None:
    event = asyncio.Event()

    async def work(_key: str) -> None:
        event.set()

    queue = WorkQueue(work, one_group, workers=1)
    queue.add("a", delay=3600)
    queue.add("a", delay=0)
    await asyncio.wait_for(event.wait(), 10)
    queue.close()


async def test_a_resource_that_does_not_answer_holds_its_own_slots_alone() -> None:
    """Its tasks wait for it; those of another resource do not wait for them."""
    answered, waiting, event = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work(key: str) -> None:
        if key.startswith("good"):
            event.set()
            return
        waiting.set()
        await answered.wait()

    queue = WorkQueue(work, lambda key: key.partition("-")[0], workers=2)
    for number in range(5):
        queue.add(f"dead-{number}")
    await asyncio.wait_for(waiting.wait(), 10)
    queue.add("good-1")
    await asyncio.wait_for(event.wait(), 10)
    answered.set()
    queue.close()
