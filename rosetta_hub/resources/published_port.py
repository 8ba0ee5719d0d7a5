"""Ports that an engine publishes for a container, as far as the service can tell.

The number comes from the task's agent. Whoever held its secret could name any port of the loopback
address, and have the edge lead there.
"""

import logging
import os
from urllib.parse import urlsplit

from rosetta_agent.protocol import PUBLISHING_ENGINES
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task
from rosetta_hub.tasks.interfaces import published_as
from rosetta_hub.web_hosts import DEFAULT_PORTS

log = logging.getLogger(__name__)

# Of the hub's API and its proxy's, where the configuration leaves them as they are.
_HUB_PORTS = frozenset((8001, 8081))


def published_port(task: Task, interface: int | None = None) -> int | None:
    """The port that the agent reports, where the task's engine publishes ports at all.

    `interface` is the port of a further interface, in the container.
    """
    if task.interface_kind != "port" or task.engine not in PUBLISHING_ENGINES:
        return None
    return task.interface_port if interface is None else published_as(task, interface)


class LocalPorts:
    """Ports of this machine, without those of hub, service, edge and tunnels."""

    def __init__(self, settings: Rosetta) -> None:
        api_url = os.environ.get("JUPYTERHUB_API_URL") or settings.hub_api_url
        urls = (settings.hub_url, settings.service_url, settings.agents_url, api_url)
        more_urls = (settings.tasks_url, settings.tunnels_url)
        self._own = _HUB_PORTS | {_port(url) for url in (*urls, *more_urls) if url}
        self._edge = settings.port_range

    def published(self, task: Task, interface: int | None = None) -> int | None:
        """See `published_port`; None, too, for a port of ours."""
        port = published_port(task, interface)
        if port is not None and (port in self._own or port in self._edge):
            log.warning("%s: its agent reports port %d, which is not a container's", task.id, port)
            return None
        return port


def _port(url: str) -> int | None:
    parts = urlsplit(url)
    return parts.port or DEFAULT_PORTS.get(parts.scheme)
