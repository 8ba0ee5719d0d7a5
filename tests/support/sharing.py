"""What handlers need where tasks are not shared."""

from types import SimpleNamespace
from typing import Any, cast

from jupyterhub.services.auth import HubOAuth

from rosetta_hub.audit.log import AuditLog
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.hub.client import HubClient
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.keys import Keys
from rosetta_hub.service.sharing import SharingParts
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.manager import TaskManager


def no_sharing(database: Database, hub_auth: HubOAuth, keys: Keys) -> dict[str, Any]:
    """The fields of `Services`."""
    tasks = SimpleNamespace(database=database, events=Broadcaster())
    parts = SharingParts(
        Rosetta(sharing=False),
        cast(TaskManager, tasks),
        cast(HubClient, None),
        hub_auth,
        cast(EdgePublisher, None),
        keys,
        AuditLog(database),
    )
    return {"principals": parts.principals, "sharing": parts.sharing}
