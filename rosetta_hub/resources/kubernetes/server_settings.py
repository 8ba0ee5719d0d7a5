"""Which API server a resource's settings mean, and the kubectl that leads to it."""

import sys
from collections.abc import Callable
from pathlib import Path

from rosetta_hub.agents.programs import KUBECTL_PROGRAM
from rosetta_hub.catalogue.conf_kubernetes import (
    KubectlConf,
    KubectlSshConf,
    KubernetesConf,
    NamespaceConf,
)
from rosetta_hub.kubernetes.api_server import ApiServer
from rosetta_hub.kubernetes.kubeconfig import read_in_cluster, read_kubeconfig
from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.tunnels.process import build_kubectl_id
from rosetta_hub.tunnels.routes import KubectlRoute, Tunnel


def read_server(conf: NamespaceConf, kubectl_socket: Path) -> ApiServer:
    """The server and account that count now: files are read at each call.

    Where a `kubectl` is the way to the server, it is reached through `kubectl_socket`.

    Raises:
        ResourceUnavailable: see `read_kubeconfig`.
    """
    if not isinstance(conf, KubernetesConf):
        return ApiServer.behind_socket(kubectl_socket)
    if conf.kubeconfig is None:
        return read_in_cluster()
    return read_kubeconfig(Path(conf.kubeconfig), conf.context)


def build_kubectl_tunnel(
    computing: str, conf: KubectlConf | KubectlSshConf, endpoint: Callable[[], Endpoint] | None
) -> Tunnel:
    """The tunnel to the API server, with the kubectl that the tunnels' process starts.

    `endpoint` is that of the resource's login node.

    Raises:
        ResourceUnavailable: a file that it needs can't be read.
    """
    python = conf.python if isinstance(conf, KubectlSshConf) else sys.executable
    arguments = (conf.kubectl, conf.kubeconfig or "", conf.context or "")
    route = KubectlRoute(
        tuple(KUBECTL_PROGRAM.command(python, arguments)),
        KUBECTL_PROGRAM.stdin().decode(),
        endpoint() if endpoint else None,
    )
    return Tunnel(build_kubectl_id(computing), 1, route)
