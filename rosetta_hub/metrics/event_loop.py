"""How long the service's event loop keeps others waiting."""

import asyncio

from prometheus_client import CollectorRegistry, Histogram

# Seconds.
INTERVAL = 0.5
LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)


class EventLoopLag:
    """Sleeps again and again, and notes by how much each sleep was too long."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lag = Histogram(
            "rosetta_event_loop_lag_seconds",
            "By how much a timer of the service's event loop was late.",
            buckets=LAG_BUCKETS,
            registry=registry,
        )

    async def run(self) -> None:
        """Go on for ever."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + INTERVAL
            await asyncio.sleep(INTERVAL)
            self._lag.observe(max(0.0, loop.time() - due))
