"""podman: docker's command line, without a daemon, rootless or not."""

import os
import shutil
from typing import Optional, Tuple

from rosetta_agent.engines.docker import Client, Docker, has_sys_admin
from rosetta_agent.engines.references import is_on_loopback
from rosetta_agent.job import Image

_INIT_PROGRAMS = (
    "/usr/libexec/podman/catatonit",
    "/usr/lib/podman/catatonit",
    "/usr/local/libexec/podman/catatonit",
    "/usr/bin/catatonit",
)


class Podman(Docker):
    """podman on this machine; a remote one (CONTAINER_HOST) is reached by a port."""

    title = "Podman"

    def client(self, image: Optional[Image] = None) -> Client:
        """See Docker. Registries on loopback rarely have TLS, and nobody can be in between."""
        loopback = image is not None and is_on_loopback(image.reference)
        return Client(
            "podman",
            "k8s-file",
            run_options=machine_options(),
            pull_options=("--tls-verify=false",) if loopback else (),
            remove_options=("--time", "0"),
            can_init=any(os.path.exists(path) for path in _INIT_PROGRAMS),
        )

    def can_enter(self) -> bool:
        """See Docker. Rootless podman's user namespace is ours to enter."""
        if os.environ.get("CONTAINER_HOST"):
            return False
        return os.geteuid() != 0 or has_sys_admin()


def build_machine_options(hybrid: bool, has_runc: bool) -> Tuple[str, ...]:
    """crun refuses machines with both versions of cgroups mounted; runc works there."""
    return ("--runtime", "runc") if hybrid and has_runc else ()


def machine_options() -> Tuple[str, ...]:
    """The options of ``podman run`` that this machine needs."""
    hybrid = os.path.isdir("/sys/fs/cgroup/unified") and os.path.isdir("/sys/fs/cgroup/memory")
    return build_machine_options(hybrid, shutil.which("runc") is not None)
