"""The Kubernetes cluster of this machine."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rosetta_hub.kubernetes.client import KubernetesClient
from rosetta_hub.kubernetes.kubeconfig import read_kubeconfig

ROOT = Path(__file__).parents[2]
# Those of a cluster that others look after: see scripts/prove.
GIVEN_CONFIG, GIVEN_IMAGE = "ROSETTA_PROVE_KUBECONFIG", "ROSETTA_PROVE_IMAGE"
NAMESPACE = os.environ.get("ROSETTA_PROVE_NAMESPACE", "rosetta")
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
# The directory of a cluster that runs.
VARIABLE = "ROSETTA_TEST_KUBERNETES"


@dataclass
class KubernetesCluster:
    """A cluster, and its administrator's view."""

    state: Path

    @property
    def kubeconfig(self) -> Path:
        """Of the hub's account, which has the rights that the documentation asks for."""
        return self.state / "pki" / "hub.conf"

    @property
    def admin(self) -> KubernetesClient:
        """As the cluster's administrator."""
        return KubernetesClient(lambda: read_kubeconfig(self.state / "pki" / "admin.conf"))

    async def pods(self) -> list[dict[str, Any]]:
        """All pods of the hub's namespace."""
        items: list[dict[str, Any]] = (await self.admin.call("GET", PODS))["items"]
        return items

    def run(self, verb: str, *words: str) -> None:
        """`scripts/cluster` with a verb for Kubernetes, such as `stop apiserver`."""
        command = [str(ROOT / "scripts" / "cluster"), "--name", self.state.name, "kubernetes"]
        done = subprocess.run(
            [*command, verb, *words], capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


class GivenCluster(KubernetesCluster):
    """A cluster that others look after: there is the hub's account alone."""

    @property
    def kubeconfig(self) -> Path:
        """See KubernetesCluster."""
        return self.state

    @property
    def admin(self) -> KubernetesClient:
        """As the hub itself: it may look at pods and delete them."""
        return KubernetesClient(lambda: read_kubeconfig(self.state))

    def run(self, verb: str, *words: str) -> None:
        """Nobody but its administrator does this."""
        raise AssertionError(
            f"`{verb}` needs a cluster of our own: the test is not for any cluster"
        )


@contextmanager
def started_cluster() -> Iterator[KubernetesCluster]:
    """A cluster of our own, or the one that the environment names."""
    if config := os.environ.get(GIVEN_CONFIG):
        yield GivenCluster(Path(config))
        return
    if state := os.environ.get(VARIABLE):
        yield KubernetesCluster(Path(state))
        return
    cluster = KubernetesCluster(ROOT / ".cache" / "cluster" / f"rosetta-test-{os.getpid()}")
    cluster.run("up")
    try:
        yield cluster
    finally:
        cluster.run("down")
