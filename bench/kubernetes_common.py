"""What the benches of Kubernetes share: a cluster, one pod that answers, and `kubectl`."""

import contextlib
import os
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from typing import Any

from bench.edge_common import run
from tests.e2e.deployment import eventually
from tests.kubernetes.cluster import NAMESPACE, PODS, KubernetesCluster

IMAGE = "localhost/rosetta-test/web:1"
PORT = 8888
NAME = "bench"


def find_kubectl() -> str:
    """The program to compare with: `ROSETTA_TEST_KUBECTL`, or that of the search path."""
    return os.environ.get("ROSETTA_TEST_KUBECTL", "kubectl")


def read_kubectl_version() -> str:
    """Such as `v1.20.2`."""
    process = subprocess.run(
        [find_kubectl(), "version", "--client"], capture_output=True, text=True, check=True
    )
    match = re.search(r"v1\.[0-9]+\.[0-9]+", process.stdout)
    assert match is not None, process.stdout
    return match[0]


def kubectl_command(cluster: KubernetesCluster, *words: str) -> list[str]:
    """`kubectl` as the cluster's administrator, in the hub's namespace."""
    config = cluster.state / "pki" / "admin.conf"
    return [find_kubectl(), "--kubeconfig", str(config), "--namespace", NAMESPACE, *words]


@contextlib.asynccontextmanager
async def run_pod(cluster: KubernetesCluster) -> AsyncIterator[dict[str, Any]]:
    """A pod that answers HTTP on its loopback address, deleted with the block."""
    container = {"name": "task", "image": IMAGE, "imagePullPolicy": "IfNotPresent"}
    pod = {
        "metadata": {"name": NAME},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }
    await cluster.admin.call("POST", PODS, pod)

    async def running() -> dict[str, Any] | None:
        pod_now = await cluster.admin.call("GET", f"{PODS}/{NAME}")
        return pod_now if pod_now["status"]["phase"] == "Running" else None

    try:
        yield await eventually(running, "the pod runs", 60)
    finally:
        await cluster.admin.call("DELETE", f"{PODS}/{NAME}", {"gracePeriodSeconds": 0})


@contextlib.contextmanager
def run_port_forward(cluster: KubernetesCluster) -> Iterator[str]:
    """The address at which `kubectl port-forward` leads to the pod."""
    command = kubectl_command(cluster, "port-forward", f"pod/{NAME}", f":{PORT}")
    with run(command) as process:
        assert process.stdout is not None
        match = re.search(r"127\.0\.0\.1:([0-9]+)", process.stdout.readline())
        assert match is not None
        yield f"http://127.0.0.1:{match[1]}"


async def wait_until_gone(cluster: KubernetesCluster) -> None:
    """Return once the hub's namespace has no pod."""

    async def is_empty() -> bool:
        return not await cluster.pods()

    await eventually(is_empty, "all pods are gone", 90)
