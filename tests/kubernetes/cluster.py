"""The Kubernetes cluster of this machine."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rosetta_hub.kubernetes.client import ApiRefused, KubernetesClient
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

    @property
    def ports(self) -> dict[str, str]:
        """Where its parts listen; `machine` is the address of this machine for all nodes."""
        return dict(line.split("=", 1) for line in (self.state / "ports").read_text().split())

    @contextmanager
    def trusting(self, registry: str, authority: Path) -> Iterator[None]:
        """Have the nodes trust the certificate of a registry, as their administrator does."""
        folder = self.state / "registries" / registry
        folder.mkdir()
        # Not by `ca` in hosts.toml: that of a `[host]` is not for the registry itself, which
        # containerd asks next where there is no such image.
        shutil.copy(authority, folder / "ca.crt")
        try:
            yield
        finally:
            shutil.rmtree(folder)

    @contextmanager
    def without(self, part: str, verb: str = "stop") -> Iterator[None]:
        """The cluster while a part of it is stopped, or killed."""
        self.run(verb, part)
        try:
            yield
        finally:
            self.run("start", part)

    @asynccontextmanager
    async def having(self, path: str, document: dict[str, Any]) -> AsyncIterator[None]:
        """The cluster with one more object."""
        await self.admin.call("POST", path, document)
        try:
            yield
        finally:
            await self.admin.call("DELETE", f"{path}/{document['metadata']['name']}", {})

    async def change_node(self, node: str, **spec: Any) -> None:
        """Change fields of a node, such as its taints."""
        path = f"/api/v1/nodes/{node}"
        document = await self.admin.call("GET", path)
        document["metadata"].pop("resourceVersion")
        document["spec"] = {**document["spec"], **spec}
        await self.admin.call("PUT", path, document)

    async def node_is_ready(self, node: str) -> bool:
        """Whether the cluster would start pods there."""
        with contextlib.suppress(ApiRefused):
            status = (await self.admin.call("GET", f"/api/v1/nodes/{node}"))["status"]
            return any(
                (condition["type"], condition["status"]) == ("Ready", "True")
                for condition in status["conditions"]
            )
        return False

    def run(self, verb: str, *words: str) -> None:
        """`scripts/cluster` with a verb for Kubernetes, such as `stop apiserver`."""
        command = [str(ROOT / "scripts" / "cluster"), "--name", self.state.name, "kubernetes"]
        process = subprocess.run(
            [*command, verb, *words], capture_output=True, text=True, timeout=600, check=False
        )
        assert process.returncode == 0, process.stdout + process.stderr


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
