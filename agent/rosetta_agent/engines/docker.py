"""docker, and what podman shares with it: the same command line, the same answers."""

import fcntl
import logging
import os
import socket
import struct
from typing import List, Optional, Sequence, Tuple

from rosetta_agent import pull as pulls
from rosetta_agent.bind_options import Owner
from rosetta_agent.engines.base import Container, ContainerStatus, Engine, Pulling
from rosetta_agent.engines.docker_binds import (
    DockerBinds,
    build_info_command,
    parse_first_ids,
)
from rosetta_agent.engines.docker_cli import (
    NETWORK,
    Client,
    Inspected,
    build_connection,
    build_image_command,
    build_inspect_command,
    build_logs_command,
    build_network_command,
    build_pull_command,
    build_remove_command,
    build_run_command,
    build_stop_command,
    build_version_command,
    container_environment,
    image_name,
    is_disk_limit_refused,
    is_gone,
    is_name_taken,
    is_read_by_client,
    names_network,
    parse_condition,
    parse_digests,
    parse_inspect,
    parse_is_init,
    parse_warnings,
)
from rosetta_agent.engines.failure_causes import (
    engine_failure,
    last_words,
    parse_cause,
    pull_failure,
)
from rosetta_agent.engines.owners import (
    build_owned_command,
    build_owner_options,
    build_owners_command,
    parse_owners,
)
from rosetta_agent.errors import StateUnknown, TaskFailure
from rosetta_agent.file_owners import Place
from rosetta_agent.logs import Follower
from rosetta_agent.mounts import can_mount
from rosetta_agent.processes import (
    CAP_SYS_ADMIN,
    CommandResult,
    ProcessId,
    has_capability,
    identify,
    is_alive,
    run,
)
from rosetta_agent.registry_access import AccessFiles, access_files
from rosetta_agent.sandbox import Sandbox, disk_full_is_a_failure
from rosetta_agent.spec import AgentSpec, Attempt, Image

LOG = logging.getLogger(__name__)

_ASK_SECONDS = 20.0
_START_SECONDS = 120.0
#: A container that the engine could not start at all (docker-run(1), exit status).
_ENGINE_ERROR = 125


class Docker(Engine):
    """The docker command line; podman overrides what differs."""

    title = "Docker"

    def __init__(self, attempt: Attempt, sandbox: Sandbox) -> None:
        super().__init__(attempt, sandbox)
        self._image_is_init = False
        self._image_digests: Tuple[str, ...] = ()

    def client(self, image: Optional[Image] = None) -> Client:
        """The program and the options that this machine, and this image, need."""
        host = self.attempt.engine_host
        connection = () if host is None else build_connection(host)
        return Client("docker", "json-file", NETWORK, connection=connection)

    def have_network(self, client: Client) -> None:
        """Make the network for tasks where it is not there yet.

        One agent at a time: docker would make two networks of one name, and then refuse both.
        """
        inspect = client.argv + ["network", "inspect", NETWORK]
        if self._ask(inspect).status == 0:
            return
        lock = os.open(self.sandbox.work_dir, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._ask(inspect).status == 0:
                return
            result = self._ask(build_network_command(client))
        finally:
            os.close(lock)
        if result.status != 0 and "already exists" not in result.errors:
            raise engine_failure(self.title, NETWORK, result.errors)

    def can_enter(self, runtime: Optional[str]) -> bool:
        """Whether the agent gets into the network of a container, or to its address there.

        The daemon must run on this machine (it is seen through its socket) and as our own
        user: root with the capability, or rootless docker.
        """
        if self.attempt.engine_host is not None:
            return False
        peer = _daemon(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
        if peer is None or peer[1] != os.geteuid():
            return False
        return os.geteuid() != 0 or has_capability(CAP_SYS_ADMIN)

    def place(self, client: Client) -> Place:
        """What decides about the owners of files here."""
        account = Owner(os.geteuid(), os.getegid())
        if self.attempt.engine_host is not None:
            return Place("docker", account, personal=False, remote=True)
        daemon = _daemon(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
        if daemon is not None and daemon[1] != 0:
            return Place("docker", account, personal=daemon[1] == account.uid)
        mounts = daemon is not None and can_mount() and _sees_our_mounts(daemon[0])
        first = parse_first_ids(self._ask(build_info_command(client)).output)
        return Place("docker", account, False, mounts, first)

    def loopback_options(self, spec: AgentSpec) -> Tuple[str, ...]:
        """Give the container the address ::1, for software that listens on IPv6 alone.

        Docker takes it away in networks without IPv6. It is of use where the agent enters the
        network, and no setting of a network that is the administrator's choice.
        """
        if names_network(spec) or has_own_network_stack(spec.runtime):
            return ()
        if not self.can_enter(spec.runtime) or not os.path.isdir("/proc/sys/net/ipv6"):
            return ()
        return ("--sysctl", "net.ipv6.conf.lo.disable_ipv6=0")

    def _ask(self, argv: List[str], seconds: float = _ASK_SECONDS) -> CommandResult:
        result = run(argv, seconds)
        if result.status != 0 and parse_cause(result.errors) == "engine_unavailable":
            raise StateUnknown(last_words(result.errors))
        return result

    def _is_here(self, image: Image) -> bool:
        try:
            result = self._ask(build_image_command(self.client(image), image))
        except StateUnknown as exc:
            message = "{} does not answer on this machine.".format(self.title)
            raise TaskFailure("engine_unavailable", message, str(exc)) from exc
        entrypoint, _, digests = result.output.partition("\n")
        self._image_is_init = parse_is_init(entrypoint)
        self._image_digests = parse_digests(digests, image)
        return result.status == 0

    def version(self) -> str:
        """See Engine."""
        result = self._ask(build_version_command(self.client()))
        if result.status != 0:
            raise engine_failure(self.title, "", result.errors, "engine_unavailable")
        return result.output.strip()

    def fetch(self, spec: AgentSpec, pulling: Pulling) -> None:
        """See Engine."""
        image = spec.image
        here = self._is_here(image)
        if image.pull == "never" and not here:
            raise engine_failure(self.title, image_name(image), "no such image")
        # What one user's account has brought is here for all: so the registry is asked again.
        if image.pull == "never" or (here and image.pull == "missing" and image.shared):
            return
        pulling.on_start()
        self._pull(image, pulling)
        self._is_here(image)

    def _pull(self, image: Image, pulling: Pulling) -> None:
        access, folder = pulling.access(), self.sandbox.file("registry")
        with disk_full_is_a_failure(), access_files(folder, access, not image.shared) as files:
            argv = build_pull_command(self.with_access(self.client(image), files), image)
            proxy = pulls.build_proxy_environment(image.proxy)
            cancelled, tell = pulling.cancelled, pulling.on_progress
            pulled = pulls.pull(argv, proxy, cancelled, tell, files.descriptors)
        if pulled.status != 0:
            has_account = access.account is not None
            raise pull_failure(self.title, image_name(image), pulled.output, has_account)

    def with_access(self, client: Client, files: AccessFiles) -> Client:
        """The client with an account. Certificates and plain HTTP are the daemon's own affair."""
        if files.config is None:
            return client
        return client._replace(connection=("--config", files.folder) + client.connection)

    def image_digests(self, spec: AgentSpec) -> Tuple[str, ...]:
        """See Engine."""
        return self._image_digests

    def _inspect(self, port: int, further: Sequence[int] = ()) -> Optional[Inspected]:
        result = self._ask(build_inspect_command(self.client(), self.name))
        if result.status == 0:
            return parse_inspect(result.output, port, further)
        if is_gone(result.errors):
            return None
        raise StateUnknown(last_words(result.errors))

    def find(self, spec: AgentSpec) -> Optional[Container]:
        """See Engine."""
        inspected = self._inspect(spec.interface.port, further_ports(spec))
        if inspected is None:
            return None
        if inspected.status in ("created", "configured", "initialized"):
            self.remove(0.0)
            return None
        return self._container(spec, inspected, ())

    def start(self, spec: AgentSpec) -> Container:
        """See Engine."""
        client = self.client(spec.image)
        self.have_network(client)
        labels: Tuple[str, ...] = ()
        if spec.batch:
            owner = identify(os.getpid()) or ProcessId(0, 0)
            labels = build_owner_options(os.geteuid(), owner)
        options = client.run_options + labels + self.loopback_options(spec)
        if spec.binds:
            binds = DockerBinds(self.attempt, self.sandbox, client, self._ask, self.title)
            spec, owned = binds.prepare(spec, self.place(client), labels)
            options += owned
        return self._start(client._replace(run_options=options), spec)

    def _start(self, client: Client, spec: AgentSpec) -> Container:
        result = self._run(client, spec)
        unlimited: Tuple[str, ...] = ()
        if result.status == _ENGINE_ERROR and is_disk_limit_refused(result.errors):
            unlimited = ("disk_not_limited",)
            result = self._run(client, spec._replace(limits=spec.limits._replace(disk=None)))
        if result.status != 0 and not is_name_taken(result.errors):
            raise self._not_started(spec, result)
        inspected = self._inspect(spec.interface.port, further_ports(spec))
        if inspected is None:
            raise TaskFailure("exited", "The container disappeared while it started.")
        outbound: Tuple[str, ...] = ("no_outbound",) if client.network == "none" else ()
        warnings = parse_warnings(result.errors) + outbound + unlimited
        return self._container(spec, inspected, warnings)

    def _run(self, client: Client, spec: AgentSpec) -> CommandResult:
        argv = build_run_command(client, spec, self._publish(spec), not self._image_is_init)
        values = container_environment(spec)
        handed = {name: values[name] for name in values if not is_read_by_client(name)}
        return run(argv, _START_SECONDS, handed)

    def _publish(self, spec: AgentSpec) -> Optional[str]:
        """The address on which the port has to be published, if it has."""
        host = self.attempt.engine_host
        if host is not None:
            return host.publish_address
        return None if self.can_enter(spec.runtime) else "127.0.0.1"

    def _not_started(self, spec: AgentSpec, result: CommandResult) -> TaskFailure:
        if result.status == _ENGINE_ERROR:
            return engine_failure(self.title, image_name(spec.image), result.errors)
        message = "The command of the container cannot be started."
        return TaskFailure("exited", message, last_words(result.errors))

    def inspect(self) -> ContainerStatus:
        """See Engine."""
        inspected = self._inspect(0)
        return ContainerStatus("gone") if inspected is None else parse_condition(inspected)

    def remove(self, grace: float) -> None:
        """See Engine."""
        client = self.client()
        if grace > 0:
            self._ask(build_stop_command(client, self.name, grace), grace + _ASK_SECONDS)
        result = self._ask(build_remove_command(client, self.name), 2 * _ASK_SECONDS)
        if result.status != 0 and not is_gone(result.errors):
            raise StateUnknown(last_words(result.errors))

    def sweep(self) -> None:
        """See Engine."""
        client = self.client()
        try:
            containers = self._ask(build_owned_command(client, os.geteuid())).output.split()
            if not containers:
                return
            owners = parse_owners(self._ask(build_owners_command(client, containers)).output)
            for container in owners:
                if not is_alive(owners[container]):
                    self._ask(build_remove_command(client, container), 2 * _ASK_SECONDS)
        except (StateUnknown, TaskFailure) as error:
            LOG.warning("what killed tasks left could not be removed: %s", error)

    def _container(
        self, spec: AgentSpec, inspected: Inspected, warnings: Tuple[str, ...]
    ) -> Container:
        host = self.attempt.engine_host
        if host is not None:
            warnings += ("neighbours_can_connect",)
            return Container(
                None,
                spec.interface.port,
                False,
                inspected.published,
                warnings,
                None,
                host.publish_address,
                inspected.further,
            )
        process = identify(inspected.pid) if inspected.pid else None
        if inspected.published is not None:
            warnings += ("neighbours_can_connect",)
            return Container(
                process,
                spec.interface.port,
                False,
                inspected.published,
                warnings,
                further=inspected.further,
            )
        address = inspected.address if has_own_network_stack(spec.runtime) else None
        return Container(process, spec.interface.port, True, None, warnings, None, address)

    def follow_log(self) -> Optional[Follower]:
        """See Engine."""
        argv = build_logs_command(self.client(), self.name)
        return Follower(argv, self.sandbox.file("output.log"))


def further_ports(spec: AgentSpec) -> Tuple[int, ...]:
    """The ports of the further interfaces, in the container."""
    return tuple(interface.port for interface in spec.interfaces)


def has_own_network_stack(runtime: Optional[str]) -> bool:
    """Whether a runtime may keep the network in a kernel of its own (gVisor, Kata).

    What listens there is reached at the container's address, not from within its namespace.
    """
    name = os.path.basename(runtime or "")
    return name.startswith(("runsc", "kata", "io.containerd.kata"))


def _sees_our_mounts(pid: int) -> bool:
    """Whether a process is in our mount namespace: a service may have one of its own."""
    try:
        return os.path.samestat(
            os.stat("/proc/{}/ns/mnt".format(pid)), os.stat("/proc/self/ns/mnt")
        )
    except OSError:
        return False


def _daemon(address: str) -> Optional[Tuple[int, int]]:
    """Process number and user of the daemon behind a unix socket, where both are visible.

    The kernel reports process 0 for one that lives in another process namespace.
    """
    if not address.startswith("unix://"):
        return None
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(2.0)
            connection.connect(address[len("unix://") :])
            raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    except OSError:
        return None
    pid, user, _group = struct.unpack("3i", raw)
    return (pid, user) if pid else None
