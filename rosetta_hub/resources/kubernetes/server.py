"""Which API server a resource's settings mean."""

from pathlib import Path

from rosetta_hub.catalogue.conf_kubernetes import KubernetesConf, NamespaceConf
from rosetta_hub.kubernetes.kubeconfig import read_in_cluster, read_kubeconfig
from rosetta_hub.kubernetes.server import ApiServer


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
