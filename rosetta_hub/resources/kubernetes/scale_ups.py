"""Which pods wait for a node that the cluster is adding, as its autoscaler has noted."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.kubernetes.client import ApiRefused
from rosetta_hub.resources.kubernetes.states import condition

Document = dict[str, Any]

# The reason of the event of the cluster autoscaler, and of Karpenter's.
_REASONS = ("TriggeredScaleUp", "Nominated")
# Seconds between two looks at the events, for all pods together.
INTERVAL = 30.0

# Lists the events of a reason.
ListEvents = Callable[[str], Awaitable[list[Document]]]


class ScaleUps:
    """One a resource. Events are listed only while a pod fits on no node."""

    def __init__(self, list_events: ListEvents) -> None:
        self._list_events = list_events
        self._due = 0.0
        self._uids: frozenset[str] = frozenset()

    def __contains__(self, uid: str) -> bool:
        """Whether a node is being added for the pod of that uid."""
        return uid in self._uids

    async def look(self, pods: Iterable[Document]) -> None:
        """Bring up to date what is known; where the server does not tell, nothing changes."""
        if not any(condition(pod, "PodScheduled").get("status") == "False" for pod in pods):
            self._uids = frozenset()
            return
        now = asyncio.get_running_loop().time()
        if now < self._due:
            return
        self._due = now + INTERVAL
        try:
            events = [event for reason in _REASONS for event in await self._list_events(reason)]
        except (ApiRefused, ResourceUnavailable):
            return
        self._uids = frozenset(str(event["involvedObject"].get("uid")) for event in events)
