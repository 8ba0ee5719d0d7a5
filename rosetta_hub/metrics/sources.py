"""Whom a scrape asks, and what it has found out."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from rosetta_hub.edge.client import Activity
from rosetta_hub.errors import Unavailable
from rosetta_hub.tunnels.client import TunnelState

Answer = TypeVar("Answer")

# Seconds: half of what Prometheus gives a scrape by default.
SCRAPE_TIMEOUT = 5.0


@dataclass(frozen=True)
class PartHealth:
    """How the check of a part ended."""

    message: str
    """What does not work; empty where everything does."""
    seconds: float
    """How long the check took."""

    @property
    def works(self) -> bool:
        """Whether the part works."""
        return not self.message


@dataclass(frozen=True)
class QueueState:
    """The entries of a queue, and those among them that wait for another try after an error."""

    length: int
    failing: int = 0


class MeasuredQueue(Protocol):
    """A queue of the service."""

    @property
    def length(self) -> int:
        """All entries."""

    @property
    def failing(self) -> int:
        """Entries that wait for another try after an error."""


def state_of(queue: MeasuredQueue) -> QueueState:
    """The queue as it is now."""
    return QueueState(queue.length, queue.failing)


@dataclass(frozen=True)
class Observation:
    """What a scrape has found out; None where nobody answered."""

    parts: Mapping[str, PartHealth]
    queues: Mapping[str, QueueState]
    pids: Mapping[str, int | None]
    """The sidecar processes, by part."""
    activity: Mapping[str, Activity] | None
    """What went through the edge, by task."""
    tunnels: Mapping[str, TunnelState] | None
    """By task."""


@dataclass(frozen=True)
class Sources:
    """Whom a scrape asks. Each of them may raise Unavailable, or not answer at all."""

    parts: Callable[[], Awaitable[Mapping[str, PartHealth]]]
    activity: Callable[[], Awaitable[Mapping[str, Activity]]]
    tunnels: Callable[[], Awaitable[Mapping[str, TunnelState]]] | None = None
    pids: Mapping[str, Callable[[], Awaitable[int]]] = field(default_factory=dict)
    queues: Mapping[str, MeasuredQueue] = field(default_factory=dict)

    async def observe(self) -> Observation:
        """Ask all of them at once; takes a little more than `SCRAPE_TIMEOUT` at most."""
        answers = asyncio.gather(_ask(self.parts), _ask(self.activity), self._ask_tunnels())
        pids = await asyncio.gather(*map(_ask, self.pids.values()))
        parts, activity, tunnels = await answers
        return Observation(
            parts=parts or {},
            queues={name: state_of(queue) for name, queue in self.queues.items()},
            pids=dict(zip(self.pids, pids, strict=True)),
            activity=activity,
            tunnels=tunnels,
        )

    async def _ask_tunnels(self) -> Mapping[str, TunnelState] | None:
        return None if self.tunnels is None else await _ask(self.tunnels)


async def _ask(source: Callable[[], Awaitable[Answer]]) -> Answer | None:
    try:
        async with asyncio.timeout(SCRAPE_TIMEOUT):
            return await source()
    except (Unavailable, TimeoutError):
        return None
