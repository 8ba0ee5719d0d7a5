"""Waiting for a condition, with a deadline."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

DEADLINE = 30

T = TypeVar("T")


async def until(condition: Callable[[], T | Awaitable[T]]) -> T:
    """The condition's value once it is true; fails after the deadline."""
    deadline = time.monotonic() + DEADLINE
    while True:
        value = condition()
        result = await value if inspect.isawaitable(value) else value
        if result:
            return result
        assert time.monotonic() < deadline, "the condition never came true"
        await asyncio.sleep(0.02)
