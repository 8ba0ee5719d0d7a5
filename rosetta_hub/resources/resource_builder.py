"""From the configuration to resources: access × WMS, put together here and nowhere else."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

from rosetta_hub.access import Access
from rosetta_hub.catalogue.access_points import access_points
from rosetta_hub.catalogue.catalogue import Catalogue
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.computing_conf import SlurmRestConf, SshLogin
from rosetta_hub.catalogue.conf_kubernetes import KubectlConf, KubectlSshConf, NamespaceConf
from rosetta_hub.config import Rosetta
from rosetta_hub.errors import ConfigError
from rosetta_hub.keys import Keys
from rosetta_hub.kubernetes.client import KubernetesClient
from rosetta_hub.resources.access_ssh import SshAccess
from rosetta_hub.resources.cluster import Cluster, RemoteAccounts
from rosetta_hub.resources.dialects.batch_wms import build_batch_wms
from rosetta_hub.resources.dialects.reasons import waiting_message as dialect_waiting_message
from rosetta_hub.resources.endpoints import Endpoints, refuse_system_account
from rosetta_hub.resources.host import SshHost
from rosetta_hub.resources.kubernetes.file_pods import FilePods
from rosetta_hub.resources.kubernetes.namespace_queue import KubernetesQueue
from rosetta_hub.resources.kubernetes.server_settings import build_kubectl_tunnel, read_server
from rosetta_hub.resources.local import LocalHost
from rosetta_hub.resources.resource import Host, Queue, Resource
from rosetta_hub.resources.slurm.reasons import waiting_message as slurm_waiting_message
from rosetta_hub.resources.slurm.rest import SlurmRestWms
from rosetta_hub.resources.slurm.rest_client import RestClient
from rosetta_hub.resources.slurm.wms import SlurmWms
from rosetta_hub.resources.wms import Wms
from rosetta_hub.ssh.endpoint import Endpoint
from rosetta_hub.tunnels.client import TunnelsClient
from rosetta_hub.tunnels.process import TunnelsConfig, build_kubectl_id
from rosetta_hub.tunnels.routes import Tunnel
from rosetta_hub.users.identities import Identities


@dataclass(frozen=True)
class Resources:
    """The configured resources by id: those where agents start at once, and those with a queue."""

    hosts: dict[str, Host]
    queues: dict[str, Queue]
    pods: dict[str, KubernetesQueue]
    """Those of the queues whose jobs are pods."""
    file_pods: dict[str, FilePods]
    """What reaches files there."""
    endpoints: dict[str, Endpoints]
    """Of those that are reached over SSH, and of such storages."""
    kubectls: dict[str, Callable[[], Tunnel]]
    """What describes the tunnels to API servers that a kubectl leads to, by the tunnels' ids."""

    @property
    def all(self) -> dict[str, Resource]:
        """All of them."""
        return {**self.hosts, **self.queues}


class ResourceBuilder:
    """Puts resources together; commands over SSH go through the tunnels process.

    `measure` is called with the id of a computing resource and a scheduler of it, and returns what
    is used in the scheduler's place. `config` is that of the tunnels process, by default the
    service's.
    """

    def __init__(
        self,
        settings: Rosetta,
        keys: Keys,
        identities: Identities,
        tunnels: TunnelsClient,
        measure: Callable[[str, Wms], Wms] = lambda _computing, wms: wms,
        config: TunnelsConfig | None = None,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._identities = identities
        self._tunnels = tunnels
        self._measure = measure
        self._config = config or TunnelsConfig(settings.state_path)

    def build(self) -> Resources:
        """All configured resources."""
        catalogue = self._settings.catalogue()
        resources = Resources({}, {}, {}, {}, self._endpoints(catalogue), {})
        for name, computing in catalogue.computing.items():
            if isinstance(computing.conf, NamespaceConf):
                self._add_pods(resources, computing, computing.conf)
                if isinstance(computing.conf, KubectlConf | KubectlSshConf):
                    describe = self._kubectl(name, computing.conf, resources.endpoints.get(name))
                    resources.kubectls[build_kubectl_id(name)] = describe
            elif computing.has_queue:
                resources.queues[name] = self._queue(computing, resources.endpoints.get(name))
            elif name in resources.endpoints:
                resources.hosts[name] = self._host(computing, resources.endpoints[name])
            else:
                resources.hosts[name] = LocalHost(computing, self._settings, self._keys)
        return resources

    def _endpoints(self, catalogue: Catalogue) -> dict[str, Endpoints]:
        return {
            key: Endpoints(point, self._identities, self._settings.state_path)
            for key, point in access_points(catalogue).items()
            if isinstance(point.conf, SshLogin)
        }

    def access(self, endpoint: Endpoint) -> Access:
        """Commands as this identity."""
        return SshAccess(self._tunnels, endpoint)

    def _host(self, computing: Computing, endpoints: Endpoints) -> Host:
        return SshHost(computing, self._settings, self._keys, endpoints, self.access)

    def _queue(self, computing: Computing, endpoints: Endpoints | None) -> Queue:
        if endpoints is None:
            return self._rest_queue(computing)

        def make_wms(user: str, account: str) -> Wms:
            access = endpoints.access(user, self.access)
            if computing.wms == "slurm":
                return SlurmWms(access, account, computing.conf.path)
            return build_batch_wms(computing.wms, access, computing.conf.path)

        return self._cluster(computing, endpoints, make_wms, endpoints.endpoint)

    def _add_pods(self, resources: Resources, computing: Computing, conf: NamespaceConf) -> None:
        socket = self._config.kubectl_socket(computing.id)
        client = KubernetesClient(lambda: read_server(conf, socket))
        queue = KubernetesQueue(computing, self._settings, self._keys, client)
        resources.pods[computing.id] = resources.queues[computing.id] = queue
        resources.file_pods[computing.id] = FilePods(conf, self._keys, client, queue.pods.all)

    def _kubectl(
        self, name: str, conf: KubectlConf | KubectlSshConf, endpoints: Endpoints | None
    ) -> Callable[[], Tunnel]:
        # The account there is the platform's, whoever the user is.
        endpoint = functools.partial(endpoints.endpoint, "") if endpoints else None
        return functools.partial(build_kubectl_tunnel, name, conf, endpoint)

    def _rest_queue(self, computing: Computing) -> Queue:
        if not isinstance(computing.conf, SlurmRestConf):
            raise ConfigError(f"{computing.id} is not reached through a REST API.")
        client = RestClient(computing.conf)
        accounts = _RestAccounts(computing.conf.user)
        return self._cluster(computing, accounts, lambda _, name: SlurmRestWms(client, name), None)

    def _cluster(
        self,
        computing: Computing,
        accounts: RemoteAccounts,
        make_wms: Callable[[str, str], Wms],
        endpoint: Callable[[str], Endpoint] | None,
    ) -> Queue:
        # One driver an account: each keeps what it has learned of its scheduler.
        drivers: dict[tuple[str, str], Wms] = {}

        def open_wms(user: str) -> Wms:
            account = accounts.remote_user(user)
            if (user, account) not in drivers:
                drivers[user, account] = self._measure(computing.id, make_wms(user, account))
            return drivers[user, account]

        return Cluster(
            computing,
            self._settings,
            self._keys,
            accounts,
            open_wms,
            endpoint,
            slurm_waiting_message
            if (computing.wms or "").startswith("slurm")
            else dialect_waiting_message,
        )


@dataclass(frozen=True)
class _RestAccounts:
    """With tokens that the platform signs: one account for all, or everybody's own name."""

    user: str | None

    def remote_user(self, user: str) -> str:
        """See Accounts."""
        return self.user or refuse_system_account(user)
