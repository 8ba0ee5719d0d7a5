"""Who is told what of the live news."""

import asyncio

from rosetta_hub.tasks.events import QUEUE_LENGTH, Broadcaster, Event


def task_event(task_id: str) -> Event:
    return Event("task", task_id, "alice", "one")


def log_event(task_id: str) -> Event:
    return Event("log", task_id, "alice", "one", 0, "text\n")


def read(queue: asyncio.Queue[Event | None]) -> list[Event | None]:
    return [queue.get_nowait() for _ in range(queue.qsize())]


async def test_a_log_goes_to_those_who_listen_to_its_task() -> None:
    news = Broadcaster()
    with news.listen() as everything, news.listen("a") as first, news.listen("b") as second:
        news.publish(log_event("a"))
        news.publish(task_event("a"))
        assert read(everything) == [task_event("a")]
        assert read(first) == [log_event("a"), task_event("a")]
        assert read(second) == []


async def test_who_waits_for_one_task_is_not_woken_by_others() -> None:
    """200 stops wait at once: each event used to wake them all, to read its own task."""
    news = Broadcaster()
    with news.listen("mine") as queue:
        for number in range(2 * QUEUE_LENGTH):
            news.publish(task_event(f"other{number}"))
        assert queue.empty()
        news.publish(task_event("mine"))
        assert read(queue) == [task_event("mine")]


async def test_who_is_too_slow_is_let_go() -> None:
    news = Broadcaster()
    with news.listen() as slow, news.listen("a") as quick:
        for _ in range(QUEUE_LENGTH + 1):
            news.publish(task_event("a"))
            quick.get_nowait()
        assert read(slow) == [None]
        news.publish(task_event("a"))
        assert (slow.qsize(), quick.qsize()) == (0, 1)
    # Nothing is kept of who has gone.
    assert dict(news._queues) == {}
