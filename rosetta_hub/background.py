"""Background tasks of the event loop: named, referenced, and never failing in silence."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from rosetta_hub.errors import Unavailable

log = logging.getLogger(__name__)

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


def _done(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()):
        log.error("%s failed", task.get_name(), exc_info=error)
