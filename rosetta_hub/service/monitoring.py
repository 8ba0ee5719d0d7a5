"""The parts of the service that tell whether it works, put together."""

from collections.abc import Mapping

from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.ingress.tunnel_publisher import TunnelPublisher
from rosetta_hub.metrics.sources import MeasuredQueue, Sources
from rosetta_hub.web.health import Check, Health, database_check, disk_check


def build_health(
    settings: Rosetta, database: Database, edge: EdgePublisher, tunnels: TunnelPublisher | None
) -> Health:
    """The checks of all parts."""
    checks: dict[str, tuple[Check, str]] = {
        "database": (database_check(database), "The database can't be used."),
        "disk": (
            disk_check(settings.state_path),
            "Nothing can be written to c.Rosetta.state_dir.",
        ),
        "edge": (edge.check, "The edge does not answer."),
    }
    if tunnels is not None:
        checks["tunnels"] = (tunnels.check, "The tunnels' process does not answer.")
    return Health(checks)


def build_metric_sources(
    health: Health,
    edge: EdgePublisher,
    tunnels: TunnelPublisher | None,
    queues: Mapping[str, MeasuredQueue | None],
) -> Sources:
    """Whom each scrape asks; queues that this deployment does not have are None."""
    pids = {"edge": edge.pid}
    if tunnels is not None:
        pids["tunnels"] = tunnels.pid
    return Sources(
        parts=health.parts,
        activity=edge.activity,
        tunnels=None if tunnels is None else tunnels.states,
        pids=pids,
        queues={name: queue for name, queue in queues.items() if queue is not None},
    )
