"""The kubectl that leads to a resource's API server, as the tunnels' process starts it."""

import sys
from collections.abc import Callable

from rosetta_hub.agents.programs import KUBECTL_PROGRAM
from rosetta_hub.catalogue.conf_kubernetes import KubectlConf, KubectlSshConf
from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.tunnels.process import build_kubectl_id
from rosetta_hub.tunnels.routes import KubectlRoute, Tunnel


def build_kubectl_tunnel(
    computing: str, conf: KubectlConf | KubectlSshConf, endpoint: Callable[[], Endpoint] | None
) -> Tunnel:
    """The tunnel of a resource to its API server; `endpoint` is that of its login node.

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
