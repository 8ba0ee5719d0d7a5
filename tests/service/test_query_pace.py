"""When a scheduler is asked: soon where somebody waits, and rarely all the same."""

import asyncio
import random

from rosetta_hub.reconciler.query_pace import AVERAGE, QueryPace


class Clock:
    """Time that a test sets."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def run_for(seconds: float, urgent: list[float], interval: float = 20.0) -> list[tuple[float, int]]:
    """The queries of so many seconds: when, and for how many urgent requests each."""
    clock = Clock()
    pace, queries = QueryPace(interval, clock), []
    pace.begin()
    waiting = 0
    while clock.time < seconds:
        due = pace.due()
        if urgent and urgent[0] < due:
            clock.time = max(clock.time, urgent.pop(0))
            pace.hurry()
            waiting += 1
            continue
        clock.time = due
        queries.append((due, waiting))
        pace.begin()
        pace._ended, waiting = clock.time, 0
    return queries


def test_without_haste_queries_are_regular() -> None:
    assert [when for when, _ in run_for(100, [])] == [20, 40, 60, 80, 100]


def test_one_start_is_answered_at_once() -> None:
    queries = run_for(60, [31.0])
    urgent = [when for when, waiting in queries if waiting]
    assert len(urgent) == 1
    assert urgent[0] - 31 < 0.5


def test_many_starts_share_queries() -> None:
    arrivals = [30 + number / 10 for number in range(300)]
    queries = run_for(90, arrivals)
    assert sum(waiting for _, waiting in queries) == 300
    assert len(queries) <= 90 / AVERAGE + 11


def test_at_most_four_a_minute_on_average() -> None:
    """1,000 tasks of eight hours: two starts a minute, here for five hours."""
    chance = random.Random(1)
    arrivals = sorted(chance.uniform(0, 18000) for _ in range(600))
    result = iter(list(arrivals))
    queries = run_for(18000, arrivals)
    assert len(queries) / 300 <= 4
    waits = [when - next(result) for when, waiting in queries for _ in range(waiting)]
    assert sorted(waits)[len(waits) // 2] < 1


async def test_a_submission_is_looked_at_before_a_long_interval_is_over() -> None:
    clock = Clock()
    pace = QueryPace(300, clock)
    assert pace.due() == 300
    pace.expect_change()
    assert pace.due() == 20
    pace.begin()
    assert pace.due() == 300


async def test_haste_wakes_who_waits() -> None:
    pace = QueryPace(3600)
    pace.begin()
    async with asyncio.timeout(30):
        waiting = asyncio.create_task(pace.wait())
        await asyncio.sleep(0)
        pace.hurry()
        await waiting
