"""Bytes and requests through a Kubernetes API server, against `kubectl port-forward`.

Both lead to the same pod. Bytes are those of one connection to the tunnel. Requests come through
the edge, as users' do, from the same client as those to kubectl: one after the other on each of six
connections, as many as a browser has, or each on a connection of its own, six at a time.

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
from bench.whole_way import Address, run_edge
from rosetta_hub.kubernetes.kubeconfig import read_kubeconfig
from rosetta_hub.tunnels import Tunnel, TunnelsClient, TunnelsConfig, ensure_tunnels, stop_tunnels
from rosetta_hub.tunnels.routes import KubernetesRoute
from tests.kubernetes.cluster import NAMESPACE, KubernetesCluster, started_cluster

OURS, THEIRS = "Rosetta Hub", "kubectl port-forward"
CONNECTIONS = 6
# What is asked of the test cluster's image.
BULK = "bulk:/bytes?count=1000000000000"
KEPT, FRESH = "requests:/bytes?count=1024", "fresh:/bytes?count=1024"
LEAST = {"bytes": 0.9, "kept": 1.5, "fresh": 1.5}


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
    cluster: KubernetesCluster, socket: str, edge: Address, rounds: int, seconds: int
) -> dict[str, list[float]]:
    """Bytes of one connection and requests of six, by who carries them, in rounds."""

    def theirs(mode: str, connections: int) -> Measured:
        # One each: a client that goes away in the middle of an answer leaves it stuck.
        with run_port_forward(cluster) as address:
            return measure(address, mode, connections, seconds)

    def ours(mode: str) -> Measured:
        address, headers = edge
        return measure(address, mode, CONNECTIONS, seconds, headers)

    return alternate(
        {
            f"bytes {THEIRS}": lambda: theirs(BULK, 1).bytes / seconds / 1e6,
            f"bytes {OURS}": lambda: measure(socket, BULK, 1, seconds).bytes / seconds / 1e6,
            f"kept {THEIRS}": lambda: theirs(KEPT, CONNECTIONS).requests / seconds,
            f"kept {OURS}": lambda: ours(KEPT).requests / seconds,
            f"fresh {THEIRS}": lambda: theirs(FRESH, CONNECTIONS).requests / seconds,
            f"fresh {OURS}": lambda: ours(FRESH).requests / seconds,
        },
        rounds,
    )


def compare_through_edge(
    cluster: KubernetesCluster, socket: str, rounds: int, seconds: int
) -> dict[str, list[float]]:
    """The same, with an edge in front of the tunnel."""
    with run_edge({NAME: Path(socket)}, tls=False) as addresses:
        return compare(cluster, socket, addresses[NAME], rounds, seconds)


async def measure_all(rounds: int, seconds: int) -> dict[str, list[float]]:
    """Start what is compared, and compare."""
    with started_cluster() as cluster:
        async with run_pod(cluster) as pod, run_tunnel(cluster, pod) as socket:
            return await asyncio.to_thread(compare_through_edge, cluster, socket, rounds, seconds)


def main(rounds: int, seconds: int) -> None:
    """Measure and print."""
    values = asyncio.run(measure_all(rounds, seconds))
    print_row(f"kubectl {read_kubectl_version()}", "MB/s", "requests/s", "each connected")
    for name in (THEIRS, OURS):
        print_row(name, *(f"{statistics.median(values[f'{kind} {name}']):.0f}" for kind in LEAST))
    finish(
        *(
            Goal(
                f"{kind}, ratio",
                median_ratio(values[f"{kind} {OURS}"], values[f"{kind} {THEIRS}"]),
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
