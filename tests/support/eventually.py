"""Waiting for a condition, with a deadline."""

import asyncio
import inspect
import time
from collections.abc import Callable

DEADLINE = 60


async def until(condition: Callable[[], object]) -> None:
    """Return once the condition, which may be a coroutine, is true; fail after the deadline."""
    deadline = time.monotonic() + DEADLINE
    while True:
        value = condition()
        if await value if inspect.isawaitable(value) else value:
            return
        if time.monotonic() > deadline:
            raise TimeoutError("the condition never came true")
        await asyncio.sleep(0.02)
