"""Live news of copies, for the pages that are open."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator


class Changes:
    """The ids of a user's copies that have changed and that a page has not been told of yet.

    An id stands for any number of changes, so a slow page costs nothing but its own freshness.
    """

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self._event = asyncio.Event()

    def add(self, copy_id: str) -> None:
        """Note a change."""
        self._ids[copy_id] = None
        self._event.set()

    async def take(self) -> list[str]:
        """The ids, oldest change first; waits for one."""
        await self._event.wait()
        ids = list(self._ids)
        self._ids.clear()
        self._event.clear()
        return ids


class CopyEvents:
    """Hands each change to the listeners of its user."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, set[Changes]] = defaultdict(set)

    @contextlib.contextmanager
    def listen(self, user: str) -> Iterator[Changes]:
        """The changes of the user's copies from now on."""
        changes = Changes()
        self._listeners[user].add(changes)
        try:
            yield changes
        finally:
            self._listeners[user].discard(changes)
            if not self._listeners[user]:
                del self._listeners[user]

    def publish(self, user: str, copy_id: str) -> None:
        """Tell those whom it concerns; never waits."""
        for changes in self._listeners.get(user, ()):
            changes.add(copy_id)
