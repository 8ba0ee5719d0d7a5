"""The inventory of each cluster, fetched once a minute for all who look."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.resources.inventory import Inventory
from rosetta_hub.resources.resource import Queue

# Seconds.
FRESH = 60.0


@dataclass
class _Entry:
    inventory: Inventory | None = None
    error: str | None = None
    fetched: float = 0.0


class InventoryCollector:
    """Inventories by resource and user of the hub: accounts differ from user to user.

    However many pages ask at once, one of them waits for the cluster and the others for it.
    """

    def __init__(self, queues: Mapping[str, Queue]) -> None:
        self._queues = queues
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}

    async def get(self, computing: str, user: str) -> tuple[Inventory | None, str | None]:
        """The inventory, and what went wrong with the last look, if anything did.

        Both are given where an older inventory is known and the cluster does not answer now.
        """
        key = (computing, user)
        async with self._locks.setdefault(key, asyncio.Lock()):
            entry = self._entries.setdefault(key, _Entry())
            now = asyncio.get_running_loop().time()
            if not entry.fetched or now - entry.fetched > FRESH:
                await self._fetch(entry, computing, user)
                entry.fetched = asyncio.get_running_loop().time()
            return entry.inventory, entry.error

    def forget(self, computing: str, user: str) -> None:
        """Ask anew at the next call: the user has changed the account."""
        self._entries.pop((computing, user), None)

    async def _fetch(self, entry: _Entry, computing: str, user: str) -> None:
        try:
            entry.inventory, entry.error = await self._queues[computing].inventory(user), None
        except ResourceUnavailable as error:
            entry.error = str(error)
