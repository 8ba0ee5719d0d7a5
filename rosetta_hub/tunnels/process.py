"""The tunnels' process: started detached, adopted when it runs already, and stopped."""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from rosetta_hub.sidecar import Launch, SidecarProcess, find_fingerprint
from rosetta_hub.sidecar_client import SidecarStatus
from rosetta_hub.tunnels.client import (
    TunnelsClient,
    TunnelsError,
    TunnelsUnavailable,
)

CALL_TIMEOUT = 5.0
# A process that was started by another release and speaks another version is replaced.
API_VERSION = 5


@dataclass(frozen=True)
class DialListener:
    """Where nodes dial."""

    port: int
    bind_ip: str = "0.0.0.0"
    tls_cert: Path | None = None
    tls_key: Path | None = None

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        tls = {"cert": str(self.tls_cert), "key": str(self.tls_key)} if self.tls_cert else None
        return {"bind_ip": self.bind_ip, "port": self.port, "tls": tls}


def build_kubectl_id(computing: str) -> str:
    """The id of the tunnel that leads to a resource's API server; no task has such an id."""
    return f"kubectl{hashlib.sha256(computing.encode()).hexdigest()[:12]}"


def build_socket_path(folder: Path, task: str, interface: int | None) -> Path:
    """The socket of a task's main interface, or of the further one on that port."""
    return folder / (f"{task}.sock" if interface is None else f"{task}-{interface}.sock")


@dataclass(frozen=True)
class TunnelsConfig:
    """What the tunnels' process is started with."""

    state_dir: Path
    """Holds the sockets, the lock and the log; nobody else may enter it."""
    dial: DialListener | None = None
    """None: no tunnel `reverse`."""

    @property
    def socket(self) -> Path:
        """The unix socket of the API."""
        return self.state_dir / "tunnels.sock"

    @property
    def sockets_dir(self) -> Path:
        """The folder of the tasks' sockets."""
        return self.state_dir / "tunnels"

    def task_socket(self, task: str, interface: int | None = None) -> Path:
        """The unix socket through which a task is reached, or the port of a further interface."""
        return build_socket_path(self.sockets_dir, task, interface)

    def kubectl_socket(self, computing: str) -> Path:
        """The unix socket through which the API server of a resource is reached by `kubectl`."""
        return self.task_socket(build_kubectl_id(computing))

    @property
    def fingerprint(self) -> str:
        """Differs for every other configuration."""
        return find_fingerprint(self._settings())

    def _settings(self) -> dict[str, Any]:
        return {
            "api": API_VERSION,
            "socket": str(self.socket),
            "sockets_dir": str(self.sockets_dir),
            "dial": self.dial.to_document() if self.dial else None,
        }

    def to_document(self) -> dict[str, Any]:
        """What the process reads from standard input."""
        return {**self._settings(), "fingerprint": self.fingerprint}


def build_tunnels_command() -> list[str]:
    """The command line. The configuration comes on standard input."""
    # Isolated: the folder it is started in holds no module of ours.
    return [sys.executable, "-I", "-m", "rosetta_hub.tunnels"]


def _sidecar(config: TunnelsConfig) -> SidecarProcess[SidecarStatus]:
    return SidecarProcess(
        name="tunnels",
        state_dir=config.state_dir,
        fingerprint=config.fingerprint,
        build_launch=lambda: Launch(build_tunnels_command(), config.to_document()),
        status=TunnelsClient(config.socket, timeout=CALL_TIMEOUT).status,
        error=TunnelsError,
        unavailable=TunnelsUnavailable,
    )


async def ensure_tunnels(config: TunnelsConfig) -> SidecarStatus:
    """Adopt the process that runs, or start one that outlives this one.

    One that runs with another configuration is replaced, which cuts its connections. However many
    call this at once, one runs. Raises TunnelsError when it ends at once (with its last words),
    TunnelsUnavailable after 20 seconds.
    """
    return await _sidecar(config).ensure()


async def stop_tunnels(config: TunnelsConfig) -> bool:
    """Stop the process that answers, and wait until it is gone; False when none does.

    Raises TunnelsUnavailable when it is still there after 10 seconds.
    """
    return await _sidecar(config).stop()


def run_tunnels(config: TunnelsConfig) -> NoReturn:
    """Become the process, in the foreground, with its log on standard error.

    Raises TunnelsError when one runs already.
    """
    _sidecar(config).become()
