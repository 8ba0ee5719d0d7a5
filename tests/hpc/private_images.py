"""A registry that nodes of the cluster reach, over a line that a test can hold."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.agent.slow import Valve, held_line
from tests.support.cluster import Cluster
from tests.support.private_registry import (
    ACCOUNT,
    PrivateRegistry,
    private_registry,
    trusted_by_docker,
)

IMAGE, NAME = "rosetta-test/agent:latest", "ada/agent"
# Whom the site lends its account, which also stores what is built; others have to give their own.
GUEST = "guest"


@dataclass(frozen=True)
class PrivateImages:
    """The registry; as nodes reach it, it is `host`. A file holds the password."""

    registry: PrivateRegistry
    host: str
    valve: Valve
    password_file: Path

    @property
    def configuration(self) -> str:
        """How the hub is told where it is."""
        entry = {
            "host": self.host,
            "ca_file": str(self.registry.authority),
            "user": ACCOUNT,
            "password_file": str(self.password_file),
            "users": [GUEST],
        }
        return f"c.Rosetta.registries = [{entry}]\n"


@contextlib.contextmanager
def serve_private_images(cluster: Cluster) -> Iterator[PrivateImages]:
    """The registry, with one image in it."""
    address, valve = cluster.hub_address, Valve()
    with private_registry("127.0.0.1", address) as registry, tempfile.TemporaryDirectory() as name:
        registry.push(IMAGE, f"{NAME}:1")
        password_file = Path(name) / "password"
        password_file.write_text(registry.password)
        host, _, port = registry.host.rpartition(":")
        with (
            held_line(host, int(port), valve, address) as reached,
            trusted_by_docker(reached, registry.authority),
        ):
            yield PrivateImages(registry, reached, valve, password_file)
