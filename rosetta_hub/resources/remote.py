"""What all resources share whose agents are not on the machine of the service."""

import hashlib
from pathlib import Path
from typing import Any

from rosetta_hub.agents.spec import LaunchContext
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.computing_conf import RemoteConf
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task
from rosetta_hub.errors import ConfigError, ResourceUnavailable
from rosetta_hub.keys import Keys
from rosetta_hub.targets import Target, UnixTarget
from rosetta_hub.tasks.interfaces import further_ports
from rosetta_hub.tunnels.process import TunnelsConfig
from rosetta_hub.tunnels.routes import DirectRoute, ReverseRoute, Tunnel


class RemoteResource:
    """The settings of a remote resource, and the tunnels to its tasks."""

    def __init__(self, computing: Computing, settings: Rosetta, keys: Keys) -> None:
        if not isinstance(computing.conf, RemoteConf) or computing.tunnel is None:
            raise ConfigError(f"{computing.id} is not a remote resource.")
        self._conf = computing.conf
        self._computing = computing
        self._settings = settings
        self._keys = keys
        self.tunnel = computing.tunnel

    def context(self, task: Task, work_dir: str, listens: bool) -> LaunchContext:
        """What the agent is told; `listens` is whether the edge gets in through a TCP port."""
        return LaunchContext(
            work_dir=work_dir,
            agents_url=self._conf.agents_url or self._settings.agents_url,
            listen=self._listen(task) if listens else None,
            dial=self._dial() if self.tunnel == "reverse" else None,
            report_ca=read_agents_ca(self._settings),
            image_dir=self._conf.image_dir or None,
            image_dir_size=self._conf.image_dir_size,
            wms=self._computing.wms if self._computing.has_queue else None,
        )

    def _listen(self, task: Task) -> dict[str, Any]:
        secret = self._keys.tunnel_secret(task.id, task.attempt)
        if self.tunnel != "direct":
            return {"host": "0.0.0.0", "secret": secret, "tls": None}
        certificate = self._keys.tunnel_certificate(task.id, task.attempt)
        tls = {"certificate": certificate.certificate, "key": certificate.key}
        return {"host": "0.0.0.0", "secret": secret, "tls": tls}

    def _dial(self) -> dict[str, Any]:
        return {"url": self._settings.tunnels_url, "ca": read_agents_ca(self._settings)}

    def reverse_tunnel(self, task: Task) -> Tunnel:
        """What lets the node dial the edge."""
        secret = self._keys.agent_secret(task.id, task.attempt)
        digest = hashlib.sha256(secret.encode()).hexdigest()
        return Tunnel(task.id, task.attempt, ReverseRoute(digest), further_ports(task))

    def direct_tunnel(self, task: Task, host: str) -> Tunnel | None:
        """A connection to the listener of the task's agent; None while it has none."""
        if task.interface_port is None:
            return None
        certificate = self._keys.tunnel_certificate(task.id, task.attempt)
        secret = self._keys.tunnel_secret(task.id, task.attempt)
        route = DirectRoute(host, task.interface_port, secret, certificate.spki)
        return Tunnel(task.id, task.attempt, route, further_ports(task))

    def interface_target(self, task: Task, interface: int | None) -> Target | None:
        """The socket that the tunnels process offers for the task."""
        if task.interface_kind is None:
            return None
        config = TunnelsConfig(self._settings.state_path)
        return UnixTarget(str(config.task_socket(task.id, interface)))


def read_agents_ca(settings: Rosetta) -> str | None:
    """The certificates by which nodes check the hub; None: those of their own system.

    Raises:
        ResourceUnavailable: the file can't be read.
    """
    path = settings.agents_ca
    try:
        return Path(path).read_text() if path else None
    except OSError as error:
        raise ResourceUnavailable(
            f"The file {path} (c.Rosetta.agents_ca) can't be read: {error.strerror}."
        ) from error
