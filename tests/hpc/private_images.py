"""A registry that nodes of the cluster reach, over a line that a test can hold."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from tests.agent.slow import Valve, held_line
from tests.support.cluster import Cluster
from tests.support.private_registry import PrivateRegistry, private_registry

IMAGE, NAME = "rosetta-test/agent:latest", "ada/agent"


@dataclass(frozen=True)
class PrivateImages:
    """The registry; as nodes reach it, it is `host`."""

    registry: PrivateRegistry
    host: str
    valve: Valve

    @property
    def configuration(self) -> str:
        """How the hub is told where it is."""
        entry = {"host": self.host, "ca_file": str(self.registry.authority)}
        return f"c.Rosetta.registries = [{entry}]\n"


@contextlib.contextmanager
def serve_private_images(cluster: Cluster) -> Iterator[PrivateImages]:
    """The registry, with one image in it."""
    address, valve = cluster.hub_address, Valve()
    with private_registry("127.0.0.1", address) as registry:
        registry.push(IMAGE, f"{NAME}:1")
        host, _, port = registry.host.rpartition(":")
        with held_line(host, int(port), valve, address) as reached:
            yield PrivateImages(registry, reached, valve)
