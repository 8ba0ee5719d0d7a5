"""How the edge reaches the pods of a resource: the three kinds of its key `tunnel`."""

import hashlib
import ipaddress
from collections.abc import Callable
from typing import Any

from rosetta_hub.agents.spec import software_of
from rosetta_hub.catalogue.conf_kubernetes import NamespaceConf
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task
from rosetta_hub.keys import Keys
from rosetta_hub.kubernetes.client import KubernetesClient
from rosetta_hub.resources.kubernetes.pods import Pods
from rosetta_hub.resources.remote import read_agents_ca
from rosetta_hub.targets import Target, TcpTarget, UnixTarget
from rosetta_hub.tasks.interfaces import further_ports
from rosetta_hub.tunnels.process import TunnelsConfig
from rosetta_hub.tunnels.routes import KubernetesRoute, ReverseRoute, Tunnel

Document = dict[str, Any]


class PodTunnels:
    """The tunnel of each task, and where its interfaces are; `pod_name` names the task's pod."""

    def __init__(
        self,
        conf: NamespaceConf,
        settings: Rosetta,
        keys: Keys,
        client: KubernetesClient,
        pods: Pods,
        pod_name: Callable[[Task], str],
    ) -> None:
        self._conf = conf
        self._settings = settings
        self._keys = keys
        self._client = client
        self._pods = pods
        self._pod_name = pod_name

    @property
    def are_used(self) -> bool:
        """Whether the tunnels process has to do with the tasks at all."""
        return self._conf.tunnel != "pod"

    def describe(self, task: Task) -> Tunnel | None:
        """The task's tunnel; None while there is nothing that it could lead to.

        Raises:
            ResourceUnavailable: the account at the API server can't be read.
        """
        if self._conf.tunnel == "reverse":
            # Before there is a pod, so that its first try to dial succeeds.
            secret = self._keys.tunnel_secret(task.id, task.attempt)
            route = ReverseRoute(hashlib.sha256(secret.encode()).hexdigest())
            return Tunnel(task.id, task.attempt, route, further_ports(task))
        if self._conf.tunnel == "pod" or task.job_id is None:
            return None
        forward = KubernetesRoute(
            server=self._client.server(),
            namespace=self._conf.namespace,
            pod=self._pod_name(task),
            uid=task.job_id,
            port=software_of(task).interface_port,
        )
        return Tunnel(task.id, task.attempt, forward, further_ports(task))

    def dial_spec(self, task: Task) -> Document:
        """What the second container of the task's pod is told: whom to dial, and for which ports.

        Raises:
            ResourceUnavailable: see `read_agents_ca`.
        """
        return {
            "url": self._settings.tunnels_url,
            "ca": read_agents_ca(self._settings),
            # Not the agent's: who has this one may dial, and report nothing.
            "secret": self._keys.tunnel_secret(task.id, task.attempt),
            "task": task.id,
            "attempt": task.attempt,
            "port": software_of(task).interface_port,
            "further": list(further_ports(task)),
        }

    def target(self, task: Task, interface: int | None) -> Target | None:
        """Where an interface is, whether it answers or not; None while its pod has no address.

        Raises:
            ResourceUnavailable: the pods have not been listed yet.
        """
        if self._conf.tunnel != "pod":
            config = TunnelsConfig(self._settings.state_path)
            return UnixTarget(str(config.task_socket(task.id, interface)))
        pod = self._pods.last_known(self._pod_name(task))
        if pod is None or pod["metadata"]["uid"] != task.job_id:
            return None
        address = find_address(pod)
        if address is None:
            return None
        return TcpTarget(address, interface or software_of(task).interface_port)


def find_address(pod: Document) -> str | None:
    """The address of a pod in the cluster's network; None while it has none.

    Its node says which it is, so it may be none that leads to the hub's own machine.
    """
    try:
        address = ipaddress.ip_address(pod.get("status", {}).get("podIP") or "")
    except ValueError:
        return None
    is_special = address.is_loopback or address.is_link_local or address.is_unspecified
    return None if is_special or address.is_multicast else str(address)
