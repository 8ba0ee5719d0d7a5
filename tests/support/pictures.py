"""What an action does to a screen, told apart from what the screen does by itself."""

import asyncio
import time
from collections.abc import Awaitable, Callable

# The control: so many pictures in a row that show nothing new, without an action.
CONTROL = 12
INTERVAL = 0.1
# Pictures after which an action is repeated: the program may not have listened yet.
PATIENCE = 20

Take = Callable[[], Awaitable[bytes]]


async def wait_for_rest(take: Take, smallest: int = 0, seconds: float = 60) -> set[bytes]:
    """All pictures that the screen shows by itself, such as both of a cursor that blinks.

    Pictures below the smallest size, in bytes, are of a screen on which nothing is drawn yet.

    Raises:
        TimeoutError: it does not rest.
    """
    deadline = time.monotonic() + seconds
    names: set[bytes] = set()
    count = 0
    while count < CONTROL:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the screen does not rest within {seconds} s")
        picture = await take()
        count = count + 1 if picture in names else 0
        if len(picture) > smallest:
            names.add(picture)
        await asyncio.sleep(INTERVAL)
    return names


async def wait_for_change(
    take: Take, act: Callable[[], Awaitable[None]], smallest: int = 0, seconds: float = 30
) -> None:
    """Return once the screen shows, after the action, what it did not show by itself.

    Raises:
        TimeoutError: it never rests, or the action changes nothing.
    """
    rest = await wait_for_rest(take, smallest)
    deadline = time.monotonic() + seconds
    while True:
        await act()
        for _ in range(PATIENCE):
            if await take() not in rest:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"the action changed nothing on the screen within {seconds} s")
            await asyncio.sleep(INTERVAL)
