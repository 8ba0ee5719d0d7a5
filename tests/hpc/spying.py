"""What an account of the cluster finds out about the task of another one."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rosetta_hub.keys import Keys
from tests.support.cluster import Cluster

from .hub import Hub

PROGRAM = Path(__file__).with_name("intruder.py")
FOLDERS = ["/tmp", "/var/tmp", "/dev/shm", "/home", "/run", "/var/lib/slurm", "/var/log"]


@dataclass
class Findings:
    """What ports and sockets of the tasks said, and the files in which a secret is."""

    ports: dict[str, str]
    sockets: dict[str, str]
    files: list[str]

    def said(self) -> str:
        """All that was heard."""
        return "".join([*self.ports.values(), *self.sockets.values()])


def secrets_of(hub: Hub, task: dict[str, Any]) -> list[str]:
    """What nobody but the service and the account of the task may know."""
    keys, key = Keys(hub.deployment.state_dir), (task["id"], task["attempt"])
    certificate = keys.tunnel_certificate(*key)
    return [
        keys.agent_secret(*key),
        keys.tunnel_secret(*key),
        keys.interface_password(*key),
        certificate.key.splitlines()[1],
    ]


async def spy(cluster: Cluster, machine: str, user: str | None, value: list[str]) -> Findings:
    """Look around on a machine as this account; None is root."""
    hosts = ["127.0.0.1", *([cluster.node_addresses[machine]] if machine != "login" else [])]
    order = json.dumps({"hosts": hosts, "folders": FOLDERS, "secrets": value})
    argv = ["python3", "-c", PROGRAM.read_text()]
    printed = await asyncio.to_thread(cluster.run, machine, argv, user, order)
    return Findings(**json.loads(printed))
