"""podman: docker's command line, without a daemon, rootless or not."""

import os
import resource
import shutil
from typing import Dict, Mapping, Optional, Sequence, Tuple

from rosetta_agent.bind_options import Owner
from rosetta_agent.engines.docker import Docker, has_own_network_stack
from rosetta_agent.engines.docker_cli import Client
from rosetta_agent.engines.overlay import parse_version
from rosetta_agent.file_owners import Place
from rosetta_agent.mounts import can_mount
from rosetta_agent.processes import CAP_SYS_ADMIN, CAP_SYS_RESOURCE, has_capability
from rosetta_agent.registry_access import AccessFiles, is_on_loopback
from rosetta_agent.sandbox import Sandbox
from rosetta_agent.spec import AgentSpec, Attempt, Image

#: Only programs without libraries: they run inside of images that have none.
_INIT_PROGRAMS = (
    "/usr/libexec/podman/catatonit",
    "/usr/lib/podman/catatonit",
    "/usr/local/libexec/podman/catatonit",
    "/usr/bin/catatonit",
    "/usr/bin/tini-static",
)


#: Since then --userns=keep-id takes a user of the image.
_KEEPS_IDS = (4, 3)


class Podman(Docker):
    """podman on this machine; a remote one (CONTAINER_HOST) is reached by a port."""

    title = "Podman"

    def __init__(self, attempt: Attempt, sandbox: Sandbox) -> None:
        super().__init__(attempt, sandbox)
        # Podman 5 warns at each call on many clusters, and the warning ends up in logs.
        os.environ.setdefault("PODMAN_IGNORE_CGROUPSV1_WARNING", "1")

    def client(self, image: Optional[Image] = None) -> Client:
        """See Docker. Registries on loopback rarely have TLS, and nobody can be in between."""
        loopback = image is not None and is_on_loopback(image.reference)
        return Client(
            "podman",
            "k8s-file",
            build_network(os.geteuid(), shutil.which("slirp4netns") is not None),
            run_options=machine_options() if image is not None else (),
            pull_options=("--tls-verify=false",) if loopback else (),
            remove_options=("--time", "0"),
            init=build_init_options([path for path in _INIT_PROGRAMS if os.path.exists(path)]),
            cdi=True,
            version_field=".Client.Version",
        )

    def with_access(self, client: Client, files: AccessFiles) -> Client:
        """See Docker. A remote podman has its certificates itself."""
        options: Tuple[str, ...] = ()
        if files.config is not None:
            options += ("--authfile", files.config)
        if files.authority is not None and not os.environ.get("CONTAINER_HOST"):
            options += ("--cert-dir", files.folder)
        if files.plain_http:
            options += ("--tls-verify=false",)
        return client._replace(pull_options=client.pull_options + options)

    def have_network(self, client: Client) -> None:
        """See Docker: here each container has a network of its own."""

    def place(self, client: Client) -> Place:
        """See Docker."""
        account = Owner(os.geteuid(), os.getegid())
        if os.environ.get("CONTAINER_HOST"):
            return Place("podman", account, personal=False, remote=True)
        if account.uid == 0:
            return Place("podman", account, False, can_mount())
        keeps_ids = parse_version(self.version()) >= _KEEPS_IDS
        return Place("podman", account, personal=True, keeps_ids=keeps_ids)

    def loopback_options(self, spec: AgentSpec) -> Tuple[str, ...]:
        """See Docker: podman leaves the loopback as the kernel makes it."""
        return ()

    def can_enter(self, runtime: Optional[str]) -> bool:
        """See Docker. Rootless podman's user namespace is ours to enter.

        The address of a container is nowhere else: a runtime with a network stack of its own
        has its port published.
        """
        if has_own_network_stack(runtime):
            return False
        if os.environ.get("CONTAINER_HOST"):
            return False
        return os.geteuid() != 0 or has_capability(CAP_SYS_ADMIN)


def build_network(user: int, has_slirp: bool) -> Optional[str]:
    """A network of the container's own; rootless podman's default is one.

    Root's default is a bridge, in which every container connects to every other.
    """
    if user != 0:
        return None
    return "slirp4netns" if has_slirp else "none"


def build_init_options(programs: Sequence[str]) -> Tuple[str, ...]:
    """Ask for an init, the first of the programs that this machine has, if it has one."""
    return ("--init", "--init-path", programs[0]) if programs else ()


def build_machine_options(
    hybrid: bool, has_runc: bool, limits: Mapping[str, int]
) -> Tuple[str, ...]:
    """What ``podman run`` has to be told on some machines.

    crun refuses machines with both versions of cgroups mounted; runc works there. ``limits``
    are those (``nofile``, ``nproc``) which may not be raised: podman would try to.
    """
    options = ["--runtime", "runc"] if hybrid and has_runc else []
    for name in sorted(limits):
        options += ["--ulimit", "{0}={1}:{1}".format(name, limits[name])]
    return tuple(options)


def machine_options() -> Tuple[str, ...]:
    """The options of ``podman run`` that this machine needs."""
    hybrid = os.path.isdir("/sys/fs/cgroup/unified") and os.path.isdir("/sys/fs/cgroup/memory")
    return build_machine_options(hybrid, shutil.which("runc") is not None, _fixed_limits())


def _fixed_limits() -> Dict[str, int]:
    """Limits of a root that has not the right to raise them (CAP_SYS_RESOURCE)."""
    if os.geteuid() != 0 or has_capability(CAP_SYS_RESOURCE):
        return {}
    with open("/proc/sys/kernel/pid_max", encoding="ascii") as file:
        most = int(file.read())  # podman lowers its own limit of processes to this number
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    processes = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    limits = {"nproc": most if processes == resource.RLIM_INFINITY else min(processes, most)}
    return limits if files == resource.RLIM_INFINITY else dict(limits, nofile=files)
