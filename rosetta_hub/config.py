"""`c.Rosetta`: everything an administrator sets, read by the hub (spawner) and by the service."""

import difflib
import os
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from traitlets import Any as AnyTrait
from traitlets import (
    Bool,
    CaselessStrEnum,
    Dict,
    Integer,
    List,
    TraitError,
    Unicode,
    Union,
    default,
    validate,
)
from traitlets.config import Config

from rosetta_hub.builds.settings import BuildSettings, load_builds
from rosetta_hub.catalogue.catalogue import Catalogue, load_catalogue
from rosetta_hub.catalogue.computing import Computing
from rosetta_hub.catalogue.computing_conf import SshConf
from rosetta_hub.catalogue.registries import (
    HubRegistryOptions,
    Registries,
    load_hub_registry,
    load_registries,
)
from rosetta_hub.catalogue.validation import load_options
from rosetta_hub.config_files import (
    check_certificates,
    check_key_pair,
    check_registry_files,
    read_file,
)
from rosetta_hub.errors import ConfigError
from rosetta_hub.keys import Keys
from rosetta_hub.local_storages import check_state_dir, storage_advice
from rosetta_hub.log_format import LEVELS
from rosetta_hub.mail.settings import MailOptions
from rosetta_hub.software.settings import ImagePolicySettings, UserSoftwareRules
from rosetta_hub.web_hosts import is_loopback, normalise_url

# The service's name at the hub, and so the end of its prefix there.
SERVICE_NAME = "rosetta"
# The scope that lets a user or token in.
SERVICE_SCOPE = f"access:services!service={SERVICE_NAME}"

# The longest path of a unix socket (unix(7)), and the longest name of one in `state_dir`.
SOCKET_PATH_BYTES = 107
LONGEST_SOCKET_NAME = "tunnels/0123456789ab.sock"

_PORT_RANGE = re.compile(r"^(\d{1,5})-(\d{1,5})$")


class Rosetta(MailOptions):
    """The configuration of Rosetta Hub.

    Hub and service hold one instance each: the hub's is of `jupyterhub_config.py`, the service's of
    the file that the hub writes. Nothing here is changed after start-up.
    """

    software = List(
        Dict(),
        help="""The software catalogue: a list of dicts, one for each version of each software.
        Entries of one image are shown as one card with a version selector.
        The keys are the fields of rosetta_hub.catalogue.software.Software.""",
    ).tag(config=True)

    computing = List(
        Dict(),
        help="""The computing resources: a list of dicts, one for each resource.
        The keys are the fields of rosetta_hub.catalogue.computing.Computing.""",
    ).tag(config=True)

    storages = List(
        Dict(),
        help="""The storages: directories that tasks get bound and users see in the file manager, a
        list of dicts. `base_path` says where the directory is, with `$USER` for the name on the hub
        and `$SSH_USER` for the account there, `bind_path` where it is in a task.
        The keys are the fields of rosetta_hub.catalogue.storages.Storage.""",
    ).tag(config=True)

    limits = List(
        Dict(),
        help="""Limits of what each user's active tasks may have together: a list of dicts with
        the keys `tasks`, `cpus`, `memory` and `gpus`. `users`, `groups` and `computing` say for
        whom and where an entry counts; of entries with the same `computing` the first one that
        names the user, one of the user's groups, or nobody, counts. The default is no limit.
        The keys are the fields of rosetta_hub.catalogue.limits.Limit.""",
    ).tag(config=True)

    lifetimes = List(
        Dict(),
        help="""When tasks end by themselves: a list of dicts with the keys `idle_timeout`,
        `idle_cpu`, `longest`, `may_extend` and `notice`. `users`, `groups`, `computing` and
        `software` say for which tasks an entry counts; the first one that fits a task does. The
        default is that tasks go on until somebody stops them.
        The keys are the fields of rosetta_hub.catalogue.lifetimes.Lifetime.""",
    ).tag(config=True)

    group_changes = CaselessStrEnum(
        ("leave", "stop"),
        "leave",
        help="""What happens to a task that runs when its owner leaves the group that lets use its
        software, computing resource or storages: `leave` lets it run on, `stop` stops it after the
        `notice` of its lifetime, ten minutes by default, unless the group comes back. Starts are
        always refused at once.""",
    ).tag(config=True)

    registries = List(
        Dict(),
        help="""Registries that need an account, a CA certificate or plain HTTP: a list of dicts.
        `users` and `groups` say who pulls with the account of an entry. Users may have accounts of
        their own besides, which go first.
        The keys are the fields of rosetta_hub.catalogue.registries.Registry.""",
    ).tag(config=True)

    registry_networks = List(
        Unicode(),
        help="""Networks, such as `10.1.0.0/16`, in which images may be looked up besides public
        addresses. Registries of `registries` may be in any network.""",
    ).tag(config=True)

    user_software = Dict(
        help="""Whether users may add software of their own, who, and which: a dict with the keys
        `enabled`, `groups`, `power_groups`, `registries` and `most`. By default everybody may add
        images of any registry, with HTTP interfaces.
        The keys are the fields of rosetta_hub.software.settings.UserSoftwareRules.""",
    ).tag(config=True)

    registry = Dict(
        help="""The registry beside the hub, whose token server the service is: users push and pull
        with their user name and a token of the hub, each into a space of their own and into those
        of their groups; tasks pull from there without an account. A dict with the key `host`, and
        `ca_file` or `plain_http` where it is not reached with TLS that everybody trusts.
        `rosetta-hub registry config` prints the registry's configuration. Empty: there is none.
        The keys are the fields of rosetta_hub.catalogue.registries.HubRegistryOptions.""",
    ).tag(config=True)

    image_policy = Dict(
        help="""Who is asked whether an image may run, such as a scanner or a check of signatures: a
        dict with `command` or `callable`, and `timeout`, `keep`, `fail` and `platform`. It is asked
        once about each digest of software that users have added; with `platform` about the
        images of the configuration, too. The default is that all images may run.
        The keys are the fields of rosetta_hub.software.settings.ImagePolicySettings.""",
    ).tag(config=True)

    keep_spawner = Bool(
        True,
        help="""Whether the spawner that the hub has without Rosetta Hub (`previous_spawner`) stays
        available: as the first software of the catalogue, and for starts that name no software. An
        entry of `software` with that spawner class takes its place.""",
    ).tag(config=True)

    previous_spawner = AnyTrait(
        None,
        help="""The spawner class that the hub has without Rosetta Hub: a class, an import path or
        an entry point's name. Servers that were started by it stay under it. The default is
        `c.JupyterHub.spawner_class` as `rosetta_hub.setup` finds it.""",
    ).tag(config=True)

    tasks_url = Unicode(
        help="""Scheme and host at which browsers reach the tasks, without a port: each task gets
        a port of its own out of `tasks_ports`. The host must not be the hub's, because a browser
        sends a host's cookies to all of its ports. With a star as the first label, as in
        `https://*.tasks.example.org`, each task gets a host name of its own instead (this needs
        wildcard DNS and a wildcard certificate); a port may then be given, the default is the
        scheme's. Required.""",
    ).tag(config=True)

    tasks_bind_ip = Unicode(
        help="""IP address on which the edge listens for browsers. The default is the address in
        `tasks_url` where that is one of the loopback network, and all addresses otherwise.""",
    ).tag(config=True)

    tasks_ports = Unicode(
        "7000-7999",
        help="""First and last port of the range out of which every task gets one, both included.
        Ports that browsers block, such as 6000 and 10080, are left out.
        In host-name mode only tasks with a protocol other than HTTP use it.""",
    ).tag(config=True)

    allow_plain_http = Bool(
        False,
        help="""Whether browsers may reach the tasks without https on a host that is not a loopback
        address. Everybody on the network can then read and change what goes to and from tasks, the
        cookies that open them included, and browsers don't say which page a request comes from.""",
    ).tag(config=True)

    tls_cert = Unicode(
        help="""File of the certificate chain (PEM) for the host of `tasks_url`, used for all
        ports. Required when `tasks_url` is https.""",
    ).tag(config=True)

    tls_key = Unicode(help="File of the private key (PEM) of `tls_cert`.").tag(config=True)

    hub_url = Unicode(
        "http://localhost:8000",
        help="""The public address of the hub, as browsers see it, with its base URL when that is
        not `/`. Tasks send browsers there to log in.""",
    ).tag(config=True)

    service_url = Unicode(
        "http://127.0.0.1:8095",
        help="""Address on which the service listens. The hub's proxy, the spawners and the agents
        of this machine reach it here.""",
    ).tag(config=True)

    hub_api_url = Unicode(
        "http://127.0.0.1:8081/hub/api",
        help="""The hub's REST API, as the service reaches it. A service that the hub starts is told
        by the hub; set this for a service that is a unit of its own.""",
    ).tag(config=True)

    agents_url = Unicode(
        help="""Address at which agents reach the service; the default is `service_url`.""",
    ).tag(config=True)

    agents_ca = Unicode(
        help="""File of CA certificates (PEM) by which agents on other machines check `agents_url`
        and `tunnels_url`; empty: those of their own system.""",
    ).tag(config=True)

    tunnels_url = Unicode(
        help="""Address that nodes dial for the tunnel `reverse`, with its port: the tunnels process
        listens on this port, with `tls_cert` and `tls_key` when it is https. Empty: this kind of
        tunnel is not available.""",
    ).tag(config=True)

    tunnels_bind_ip = Unicode(
        "0.0.0.0",
        help="""IP address on which the tunnels' process listens for the nodes that dial
        `tunnels_url`.""",
    ).tag(config=True)

    state_dir = Unicode(
        "rosetta_state",
        help="""Directory (mode 0700, made when missing) of the secret, the logs, the edge's
        socket and, by default, the database. A relative path starts at the directory of
        jupyterhub_config.py. The absolute path has at most 81 bytes, because unix sockets in it
        have longer ones.""",
    ).tag(config=True)

    db_url = Unicode(
        help="""SQLAlchemy URL of the service's own database. The default is an SQLite file in
        `state_dir`; production uses PostgreSQL, as in
        `postgresql+psycopg://rosetta@/rosetta?host=/run/postgresql`.""",
    ).tag(config=True)

    heartbeat_interval = Integer(
        5,
        min=1,
        max=300,
        help="Seconds between two reports of an agent. After three without one it is looked after.",
    ).tag(config=True)

    unanswered_timeout = Integer(
        86400,
        min=60,
        help="""Seconds after which an agent that nobody answers stops its task. Long, because a
        task outlives an outage of the hub.""",
    ).tag(config=True)

    stop_timeout = Integer(
        10,
        min=1,
        max=600,
        help="Seconds that a container has between being asked to stop and being killed.",
    ).tag(config=True)

    tcp_connections_per_address = Integer(
        50,
        min=0,
        help="""Connections that one source address may have open at a time to one task with a
        protocol other than HTTP; more are closed at once. The addresses of a /64 network of IPv6
        count as one. 0: no limit.""",
    ).tag(config=True)

    anonymous_connections_per_address = Integer(
        250,
        min=0,
        help="""Connections to the edge that one source address may have open at a time before they
        have shown the session of a task; where there are more, the oldest is closed. Connections of
        users who are in a task don't count, so this suits a reverse proxy, too, from which all
        connections come. 0: no limit.""",
    ).tag(config=True)

    session_hours = Integer(
        12,
        min=1,
        help="""Hours after which a browser has to open a task anew from the hub. Logging out of
        the hub ends its sessions within a minute.""",
    ).tag(config=True)

    api_requests_per_minute = Integer(
        1200,
        min=0,
        help="""Requests to the REST API that one user may send in a minute; more are answered with
        429 and when to try again. Pieces of uploads, pages and their streams of events don't count.
        0: no limit.""",
    ).tag(config=True)

    log_level = CaselessStrEnum(
        LEVELS,
        "INFO",
        help="""The least level of what the service writes to its log: DEBUG, INFO, WARNING or
        ERROR. DEBUG has requests that come every few seconds, too.""",
    ).tag(config=True)

    log_json = Bool(
        False,
        help="Whether the service writes its log as JSON, an object a line, instead of text.",
    ).tag(config=True)

    log_limit = Integer(
        1 << 20,
        min=1 << 12,
        help="Bytes of a task's log that are kept; the oldest lines go first.",
    ).tag(config=True)

    ended_tasks_days = Integer(
        90,
        min=0,
        help="Days after which the record of an ended task is deleted, with its logs. 0: never.",
    ).tag(config=True)

    ended_tasks_per_user = Integer(
        100,
        min=0,
        help="""Ended tasks that are kept for each user, with their logs; the oldest are deleted.
        0: all of them.""",
    ).tag(config=True)

    copies_per_user = Integer(
        2,
        min=1,
        help="Copies between storages that go on at once for each user; further ones wait.",
    ).tag(config=True)

    copies_at_once = Integer(
        8,
        min=1,
        help="""Copies between storages that go on at once for all users together. Who has the
        fewest is next.""",
    ).tag(config=True)

    builds = Dict(
        help="""How images are made of repositories (links such as `…/services/rosetta/v2/gh/…`):
        a dict with keys such as `engine`, `builder`, `registry`, `base_image` and the limits of a
        build, see docs/builds.md. Without it nothing is built.
        The keys are the fields of rosetta_hub.builds.settings.BuildSettings.""",
    ).tag(config=True)

    trusted_proxies = List(
        Unicode(),
        help="""Addresses of the reverse proxies in front of the hub's own proxy. The audit log has
        the addresses of their clients. The default is `c.JupyterHub.trusted_downstream_ips`.""",
    ).tag(config=True)

    audit_days = Integer(
        365,
        min=0,
        help="""Days for which the audit log keeps a record of who did what. 0: for ever. Each
        record is also a line of JSON in the log, of the logger `rosetta.audit`.""",
    ).tag(config=True)

    fetch_networks = List(
        Unicode(),
        help="""Networks, such as `10.1.0.0/16`, from whose addresses inputs of tasks may be fetched
        besides public ones. Without it nobody reaches machines of the site through the service.""",
    ).tag(config=True)

    fetch_plain_http = Bool(
        False,
        help="Whether inputs of tasks may come from http addresses; others can change them.",
    ).tag(config=True)

    fetch_limit = Integer(
        100 << 30,
        min=1,
        help="Bytes of the largest file that is fetched from an address as the input of a task.",
    ).tag(config=True)

    fetch_timeout = Integer(
        6 * 3600,
        min=1,
        help="Seconds that fetching one file from an address may take.",
    ).tag(config=True)

    @validate("fetch_networks", "registry_networks")
    def _validate_networks(self, proposal: Any) -> list[str]:
        try:
            return [str(ip_network(network)) for network in proposal.value]
        except ValueError as error:
            raise TraitError(f"c.Rosetta.{proposal.trait.name}: {error}") from error

    manage_edge = Bool(
        True,
        help="""True: the service starts edge and tunnels, and adopts those that run. False: they
        are units of their own, started with `rosetta-hub edge` and `rosetta-hub tunnels`.""",
    ).tag(config=True)

    sharing = Union(
        [Bool(), List(Unicode())],
        default_value=True,
        help="""Who may share own tasks with users, groups, and by links: True: everybody. A list of
        groups: their members, and the hub's admins. False: nobody, and the service holds no rights
        for it at the hub. Whoever has a task shared acts in it with its owner's files and rights.
        Shares that are made with the hub's own means, where its roles allow that, let users in
        whatever is set here.""",
    ).tag(config=True)

    cull_unopened_timeout = Integer(
        0,
        min=0,
        help="""Minutes after its start, within which somebody has to open a task that waited in a
        queue; otherwise it is stopped, so that it does not hold a node for nobody. 0: never.""",
    ).tag(config=True)

    template_paths = List(
        Unicode(),
        help="""Directories of templates that go before ours on the service's pages. The default is
        `c.JupyterHub.template_paths`, so that a site's own `page.html` frames these pages, too. Its
        scripts are not run there unless they are files of the hub's host.""",
    ).tag(config=True)

    template_vars = Dict(
        help="""Variables of the templates on the service's pages, such as `announcement`. The
        default is `c.JupyterHub.template_vars`, without those that are functions.""",
    ).tag(config=True)

    @default("agents_url")
    def _default_agents_url(self) -> str:
        return str(self.service_url)

    @default("db_url")
    def _default_db_url(self) -> str:
        return f"sqlite:///{self.state_path / 'rosetta.sqlite'}"

    @default("tasks_bind_ip")
    def _default_tasks_bind_ip(self) -> str:
        host = self.tasks_host
        return host.strip("[]") if host.startswith("127.") or host == "[::1]" else ""

    @validate("tasks_ports")
    def _validate_tasks_ports(self, proposal: Any) -> str:
        value = str(proposal.value)
        match = _PORT_RANGE.match(value)
        if not match or not 1 <= int(match[1]) <= int(match[2]) <= 65535:
            raise TraitError(
                f"c.Rosetta.tasks_ports: {value!r} is not a range of ports such as '7000-7999'."
            )
        return value

    @validate("tasks_url", "hub_url", "service_url", "agents_url")
    def _validate_url(self, proposal: Any) -> str:
        value = str(proposal.value).rstrip("/")
        try:
            parts = urlsplit(value)
            if parts.scheme in ("http", "https") and not parts.username:
                return normalise_url(value)
        except ValueError:
            pass
        raise TraitError(
            f"c.Rosetta.{proposal.trait.name}: {value!r} is not an address"
            " such as 'https://tasks.example.org'."
        )

    @validate("tunnels_url")
    def _validate_tunnels_url(self, proposal: Any) -> str:
        value = str(proposal.value).rstrip("/")
        parts = urlsplit(value)
        is_address = parts.scheme in ("http", "https") and parts.hostname and parts.port
        if value and (not is_address or parts.path or parts.username):
            raise TraitError(
                f"c.Rosetta.tunnels_url: {value!r} is not an address with a port"
                " such as 'https://hub.example.org:6999'."
            )
        return value

    @property
    def hub_origin(self) -> str:
        """Scheme, host and port of the hub, as a browser's `Origin` has them."""
        parts = urlsplit(self.hub_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def service_prefix(self) -> str:
        """Path of the service below the hub's host, slashes at both ends."""
        return f"{urlsplit(self.hub_url).path}/services/{SERVICE_NAME}/"

    @property
    def state_path(self) -> Path:
        """`state_dir` as an absolute path."""
        return Path(self.state_dir).absolute()

    @property
    def tasks_host(self) -> str:
        """Host name of `tasks_url`; in host-name mode without the star."""
        return _host_of(self.tasks_url).removeprefix("*.")

    @property
    def host_name_mode(self) -> bool:
        """Whether each task has a host name of its own (instead of a port)."""
        return (urlsplit(self.tasks_url).hostname or "").startswith("*.")

    @property
    def port_range(self) -> range:
        """The ports of `tasks_ports`."""
        first, last = str(self.tasks_ports).split("-")
        return range(int(first), int(last) + 1)

    def catalogue(self) -> Catalogue:
        """The validated catalogue.

        Raises:
            ConfigError: see `load_catalogue`.
        """
        return load_catalogue(
            self.software, self.computing, self.limits, self.storages, self.lifetimes
        )

    def build_settings(self) -> BuildSettings | None:
        """The validated `builds`; None where nothing is built.

        Raises:
            ConfigError: see `load_builds`.
        """
        hosts = (
            key
            for key, computing in self.catalogue().computing.items()
            if isinstance(computing.conf, SshConf) and computing.auth_mode == "platform_keys"
        )
        return load_builds(self.builds, hosts)

    def site_registries(self) -> Registries:
        """The validated `registries`, and the hub's own.

        Raises:
            ConfigError: see `load_registries`.
        """
        own = self.hub_registry()
        return load_registries(self.registries).with_entry(own.as_registry() if own else None)

    def hub_registry(self) -> HubRegistryOptions | None:
        """The validated `registry`; None where there is none.

        Raises:
            ConfigError: see `load_hub_registry`.
        """
        return load_hub_registry(self.registry)

    def user_software_rules(self) -> UserSoftwareRules:
        """The validated `user_software`.

        Raises:
            ConfigError: see `load_options`, `load_registries`.
        """
        rules = load_options("user_software", UserSoftwareRules, self.user_software)
        return rules.with_site_hosts(entry.host for entry in self.site_registries().entries)

    def image_policy_settings(self) -> ImagePolicySettings | None:
        """The validated `image_policy`; None where there is none.

        Raises:
            ConfigError: see `load_options`.
        """
        if not self.image_policy:
            return None
        return load_options("image_policy", ImagePolicySettings, self.image_policy)

    def keys(self) -> Keys:
        """The keys of this deployment."""
        return Keys(self.state_path)

    def check(self, files: bool = True) -> None:
        """Refuse a configuration that can't be used, or can't be safe.

        `files` is whether this process can be expected to read the files that it names.

        Raises:
            ConfigError: the reason, and what to set.
        """
        self._check_hosts()
        if urlsplit(self.tasks_url).scheme == "http":
            self._check_plain_http()
        self._check_state_dir()
        self.check_mail()
        self.build_settings()
        catalogue = self.catalogue()
        for computing in catalogue.computing.values():
            self._check_tunnel(computing)
        check_state_dir(catalogue, self.state_path)
        registries = self.site_registries()
        self.user_software_rules()
        self.image_policy_settings()
        if files:
            check_registry_files(registries)
            self._check_files()

    def advice(self) -> list[str]:
        """What is allowed but could be safer, or does not work now, a message each."""
        return [*self._host_advice(), *storage_advice(self.catalogue())]

    def _host_advice(self) -> list[str]:
        hub_host = _host_of(self.hub_url)
        if not _share_a_domain(hub_host, self.tasks_host):
            return []
        return [
            f"The hub ({hub_host}) and the tasks ({self.tasks_host}) seem to share a domain: a"
            " page of a task can then set cookies that the hub receives. Set"
            " c.JupyterHub.cookie_host_prefix_enabled = True, and give the tasks a domain of their"
            " own where you can."
        ]

    def _check_hosts(self) -> None:
        """Refuse tasks under the hub's own host name."""
        hub_host = _host_of(self.hub_url)
        if not self.tasks_url:
            raise ConfigError(
                "c.Rosetta.tasks_url is not set. Set it to the scheme and host at which browsers"
                " reach tasks, on another host name than the hub's: 'http://127.0.0.1' for a hub"
                " on 'http://localhost:8000', 'https://tasks.example.org' in production."
            )
        if self.tasks_host == hub_host:
            raise ConfigError(
                f"c.Rosetta.tasks_url and c.Rosetta.hub_url have the same host name {hub_host!r}."
                " A browser sends a host's cookies to all of its ports, so every task would"
                " receive the hub's login cookies. Give the tasks another host name, best under"
                " another domain."
            )

    def _check_plain_http(self) -> None:
        if not self.allow_plain_http and not is_loopback(self.tasks_host):
            raise ConfigError(
                f"c.Rosetta.tasks_url is http, and {self.tasks_host!r} is not a loopback address:"
                " everybody on the network could read and change what goes to and from tasks. Use"
                " https, with c.Rosetta.tls_cert and c.Rosetta.tls_key, or accept this with"
                " c.Rosetta.allow_plain_http = True."
            )

    def _check_tunnel(self, computing: Computing) -> None:
        if computing.tunnel == "reverse" and not self.tunnels_url:
            raise ConfigError(
                f"c.Rosetta.computing entry {computing.id!r}: its nodes dial the hub (key"
                " 'conf.tunnel' is 'reverse'), but c.Rosetta.tunnels_url is not set. Set it to the"
                " address and port that they dial, such as 'https://hub.example.org:6999'."
            )

    def _check_files(self) -> None:
        for name in ("tasks_url", "tunnels_url"):
            if urlsplit(getattr(self, name)).scheme == "https":
                self._check_certificate(name)
        if self.agents_ca:
            check_certificates("c.Rosetta.agents_ca", self.agents_ca)
        catalogue = self.catalogue()
        entries = {
            f"computing entry {key!r}": resource for key, resource in catalogue.computing.items()
        }
        own = {f"storages entry {key!r}": storage for key, storage in catalogue.storages.items()}
        for where, entry in (entries | own).items():
            for key, path in (entry.conf.files() if entry.conf else {}).items():
                read_file(f"c.Rosetta.{where}: key 'conf.{key}'", path)

    def _check_state_dir(self) -> None:
        size = len(os.fsencode(self.state_path))
        most = SOCKET_PATH_BYTES - len(f"/{LONGEST_SOCKET_NAME}")
        if size > most:
            raise ConfigError(
                f"c.Rosetta.state_dir is too long: {str(self.state_path)!r} has {size} bytes, and"
                f" {most} are possible, so that the unix sockets in it have paths of at most"
                f" {SOCKET_PATH_BYTES} bytes. Set a shorter one, or a symbolic link to it."
            )

    def _check_certificate(self, address: str) -> None:
        for name in ("tls_cert", "tls_key"):
            path = getattr(self, name)
            if not path or not Path(path).is_file():
                raise ConfigError(
                    f"c.Rosetta.{address} is https, but c.Rosetta.{name} ({path!r}) is not a file."
                    " Give the files of certificate and key."
                )
        check_key_pair("c.Rosetta.tls_cert", self.tls_cert, "c.Rosetta.tls_key", self.tls_key)


def refuse_unknown_options(config: Config) -> None:
    """Refuse misspelt options of `c.Rosetta`, which traitlets leaves out with a warning.

    Raises:
        ConfigError: which, and what may be meant.
    """
    options = Rosetta.class_trait_names(config=True)
    for name in config.get("Rosetta", {}):
        if name not in options:
            close = difflib.get_close_matches(name, options, 1)
            hint = f"Did you mean {close[0]!r}?" if close else f"Options: {', '.join(options)}."
            raise ConfigError(f"c.Rosetta.{name} is not an option. {hint}")


def _host_of(url: str) -> str:
    """The host as it stands in the address: an IPv6 address keeps its brackets."""
    return urlsplit(url).netloc.rpartition("@")[2].removesuffix(f":{urlsplit(url).port}")


def _share_a_domain(first: str, second: str) -> bool:
    """Whether two host names end alike; which endings are open to everybody only a list tells."""
    ends = [name.split(".")[-2:] for name in (first, second)]
    return len(ends[0]) == 2 and ends[0] == ends[1] and not first.replace(".", "").isdigit()
