"""Work in the background."""

import asyncio

import pytest

from rosetta_hub.background import gather_limited


async def test_so_many_are_worked_on_at_a_time_and_results_keep_their_order() -> None:
    busy, most = 0, 0

    async def work(item: int) -> int:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0)
        busy -= 1
        return item * 10

    assert await gather_limited(3, work, range(10)) == [item * 10 for item in range(10)]
    assert most == 3


async def test_an_error_is_raised() -> None:
    async def work(item: int) -> None:
        if item == 1:
            raise ValueError(item)

    with pytest.raises(ValueError, match="1"):
        await gather_limited(2, work, range(3))
