"""Bytes and requests through a Kubernetes API server, against `kubectl port-forward`.

Both lead to the same pod. Requests go one after the other on each of 32 connections.

    python -m bench.kubernetes_throughput [ROUNDS [SECONDS]]

ROSETTA_TEST_KUBERNETES=DIRECTORY takes a cluster that runs already (scripts/cluster), and
ROSETTA_TEST_KUBECTL=PROGRAM another kubectl than that of the search path.
"""

import asyncio
import contextlib
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bench.common import Goal, alternate, finish, median_ratio, print_row
from bench.kubernetes_common import NAME, PORT, read_kubectl_version, run_pod, run_port_forward
from bench.tunnel_common import Measured, measure
from rosetta_hub.kubernetes.kubeconfig import read_kubeconfig
from rosetta_hub.tunnels import Tunnel, TunnelsClient, TunnelsConfig, ensure_tunnels, stop_tunnels
from rosetta_hub.tunnels.routes import KubernetesRoute
from tests.kubernetes.cluster import NAMESPACE, KubernetesCluster, started_cluster

OURS, THEIRS = "Rosetta Hub", "kubectl port-forward"
CONNECTIONS = 32
# What is asked of the test cluster's image.
BULK = "bulk:/bytes?count=1000000000000"
REQUESTS = "requests:/bytes?count=1024"
LEAST = {"bytes": 0.9, "requests": 1.5}


@contextlib.asynccontextmanager
async def run_tunnel(cluster: KubernetesCluster, pod: dict[str, Any]) -> AsyncIterator[str]:
    """A process of tunnels with one to the pod: its socket."""
    with tempfile.TemporaryDirectory() as name:
        config = TunnelsConfig(Path(name))
        server = read_kubeconfig(cluster.kubeconfig)
        route = KubernetesRoute(server, NAMESPACE, NAME, pod["metadata"]["uid"], PORT)
        await ensure_tunnels(config)
        try:
            await TunnelsClient(config.socket).put_tunnels([Tunnel(NAME, 1, route)])
            yield str(config.task_socket(NAME))
        finally:
            await stop_tunnels(config)


def compare(
    cluster: KubernetesCluster, socket: str, rounds: int, seconds: int
) -> dict[str, list[float]]:
    """Bytes of one connection and requests of many, by who carries them, in rounds."""

    def theirs(mode: str, connections: int) -> Measured:
        # One each: a client that goes away in the middle of an answer leaves it stuck.
        with run_port_forward(cluster) as address:
            return measure(address, mode, connections, seconds)

    def ours(mode: str, connections: int) -> Measured:
        return measure(socket, mode, connections, seconds)

    return alternate(
        {
            f"bytes {THEIRS}": lambda: theirs(BULK, 1).bytes / seconds / 1e6,
            f"bytes {OURS}": lambda: ours(BULK, 1).bytes / seconds / 1e6,
            f"requests {THEIRS}": lambda: theirs(REQUESTS, CONNECTIONS).requests / seconds,
            f"requests {OURS}": lambda: ours(REQUESTS, CONNECTIONS).requests / seconds,
        },
        rounds,
    )


async def measure_all(rounds: int, seconds: int) -> dict[str, list[float]]:
    """Start what is compared, and compare."""
    with started_cluster() as cluster:
        async with run_pod(cluster) as pod, run_tunnel(cluster, pod) as socket:
            return await asyncio.to_thread(compare, cluster, socket, rounds, seconds)


def main(rounds: int, seconds: int) -> None:
    """Measure and print."""
    found = asyncio.run(measure_all(rounds, seconds))
    print_row(f"kubectl {read_kubectl_version()}", "MB/s", "requests/s")
    for name in (THEIRS, OURS):
        bulk, rate = (statistics.median(found[f"{kind} {name}"]) for kind in ("bytes", "requests"))
        print_row(name, f"{bulk:.0f}", f"{rate:.0f}")
    finish(
        *(
            Goal(
                f"{kind}, ratio",
                median_ratio(found[f"{kind} {OURS}"], found[f"{kind} {THEIRS}"]),
                least=least,
            )
            for kind, least in LEAST.items()
        )
    )


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 5,
        int(sys.argv[2]) if len(sys.argv) > 2 else 3,
    )
