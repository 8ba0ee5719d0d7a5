"""`GET metrics`: numbers for Prometheus."""

from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST

from rosetta_hub.web.handlers import HubHandler

# As the hub's own metrics ask for.
SCOPE = "read:metrics"


class MetricsHandler(HubHandler):
    """For a service or user of the hub whose token has the scope `read:metrics`."""

    routine = True

    async def get(self) -> None:
        """The numbers of now."""
        self.principal.check_scope(SCOPE)
        numbers = await self.services.metrics()
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(numbers)


def metrics_routes(prefix: str, arguments: dict[str, Any]) -> list[tuple[str, Any, dict[str, Any]]]:
    """The route of this module below `prefix`."""
    return [(rf"{prefix}metrics", MetricsHandler, arguments)]
