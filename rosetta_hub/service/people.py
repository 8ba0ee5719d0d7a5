"""The parts of the service that deal with users, put together."""

from jupyterhub.services.auth import HubOAuth

from rosetta_hub.audit.log import AuditLog
from rosetta_hub.hub.client import HubClient
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.users.session_end import OpenStreams, SessionEnder


def build_session_ender(
    tasks: TaskManager,
    audit: AuditLog,
    hub: HubClient,
    edge: EdgePublisher,
    hub_auth: HubOAuth,
    streams: OpenStreams,
) -> SessionEnder:
    """What ends all sessions of a user."""
    return SessionEnder(
        hub,
        tasks.database,
        audit,
        edge.end_session,
        edge.cut_connections,
        hub_auth.cache.clear,
        streams,
    )
