"""Background tasks of the event loop: named, referenced, and never failing in silence."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from rosetta_hub.errors import Unavailable

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

_running: set[asyncio.Task[Any]] = set()


def spawn(coroutine: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
    """Run a coroutine in the background; its exception, if any, is logged."""
    task = asyncio.get_running_loop().create_task(coroutine, name=name)
    # The loop itself keeps weak references only.
    _running.add(task)
    task.add_done_callback(_done)
    return task


async def every(seconds: float, step: Callable[[], Awaitable[None]], name: str) -> None:
    """Call `step` again and again, `seconds` after its last end; errors are logged and survived."""
    while True:
        try:
            await step()
        except Unavailable as error:
            log.warning("%s: %s", name, error)
        except Exception:
            log.exception("%s", name)
        await asyncio.sleep(seconds)


async def gather_limited(
    at_once: int, work: Callable[[Item], Awaitable[Result]], items: Iterable[Item]
) -> list[Result]:
    """What `work` returns for each item, in their order; so many are worked on at a time.

    Its first exception is raised at once, as by `asyncio.gather`.
    """
    limit = asyncio.Semaphore(at_once)

    async def limited(item: Item) -> Result:
        async with limit:
            return await work(item)

    return await asyncio.gather(*map(limited, items))


def _done(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()):
        log.error("%s failed", task.get_name(), exc_info=error)
