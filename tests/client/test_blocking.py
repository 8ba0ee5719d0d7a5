"""Coroutines of both clients, carried out without an event loop."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from rosetta_client.blocking import BlockingChannel, iterate, run

TRANSPORT: Any = None
CHANNEL = BlockingChannel(TRANSPORT)


class Pause:
    """What only an event loop can wait for."""

    def __await__(self) -> Any:
        yield


async def count(ended: list[str]) -> AsyncGenerator[int, None]:
    """Numbers, and a note of the end."""
    try:
        for number in range(3):
            yield await CHANNEL.work(int, number)
    finally:
        await CHANNEL.sleep(0)
        ended.append("closed")


def test_results_and_errors_come_through() -> None:
    assert run(CHANNEL.work(max, 1, 2)) == 2
    with pytest.raises(ValueError, match="invalid literal"):
        run(CHANNEL.work(int, "x"))


def test_items_come_one_by_one_until_nobody_wants_more() -> None:
    ended = list[str]()
    assert (list(iterate(count(ended))), ended) == ([0, 1, 2], ["closed"])
    # Whoever still knows the generator does not keep it open.
    numbers = count(ended)
    items = iterate(numbers)
    assert (next(items), len(ended)) == (0, 1)
    items.close()
    assert ended == ["closed"] * 2


def test_what_needs_an_event_loop_is_refused() -> None:
    async def wait() -> None:
        await Pause()

    coroutine = wait()
    with pytest.raises(RuntimeError, match="event loop"):
        run(coroutine)
    coroutine.close()
