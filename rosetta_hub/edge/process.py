"""The edge's process: found, started detached, adopted when it runs already, and stopped."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

from rosetta_hub.edge.client import EdgeClient, EdgeError, EdgeStatus
from rosetta_hub.errors import ConfigError, EdgeUnavailable
from rosetta_hub.sidecar import Launch, SidecarProcess, find_fingerprint

JS_DIR = Path(__file__).parent / "js"
OLDEST_CHP = (4, 5)
OLDEST_NODE = (18,)
START_TIMEOUT = 20.0
CALL_TIMEOUT = 5.0
# An edge that was started by another release and speaks another version is replaced.
API_VERSION = 3
# A browser sends the cookies of all tasks of a host to each of them. Node's own limit is 16 KiB.
LARGEST_HEADERS = 65536


@dataclass(frozen=True)
class EdgeConfig:
    """What the edge is started with."""

    state_dir: Path
    """Holds the socket of the API, the lock and the log; nobody else may enter it."""
    public_host: str | None
    """The host name of tasks that have a port; None where each has a host name of its own."""
    bind_ip: str = "127.0.0.1"
    main_port: int | None = None
    """The port of the tasks with a host name of their own."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    hub_cookie_names: tuple[str, ...] = ("jupyterhub-",)
    """Beginnings of names of cookies that no container may set."""
    tcp_connections_per_address: int = 0
    """Of one source to one task with a protocol other than HTTP; 0: no limit."""
    anonymous_connections_per_address: int = 0
    """Of one source to the edge, which have shown no session yet; 0: no limit."""

    @property
    def socket(self) -> Path:
        """The unix socket of the API."""
        return self.state_dir / "edge.sock"

    @property
    def log_file(self) -> Path:
        """Where a detached edge writes."""
        return self.state_dir / "edge.log"

    @property
    def fingerprint(self) -> str:
        """Differs for every other configuration."""
        return find_fingerprint(self._settings())

    def _settings(self) -> dict[str, Any]:
        tls = {"cert": str(self.tls_cert), "key": str(self.tls_key)} if self.tls_cert else None
        return {
            "api": API_VERSION,
            "socket": str(self.socket),
            "bind_ip": self.bind_ip,
            "tls": tls,
            "main_port": self.main_port,
            "public_host": self.public_host,
            "hub_cookie_names": [name.lower() for name in self.hub_cookie_names],
            "tcp_connections_per_address": self.tcp_connections_per_address,
            "anonymous_connections_per_address": self.anonymous_connections_per_address,
        }

    def to_document(self, chp: Path) -> dict[str, Any]:
        """What the edge reads from standard input; `chp` is the root of the CHP package."""
        return {**self._settings(), "chp": str(chp), "fingerprint": self.fingerprint}


def parse_version(text: str) -> tuple[int, ...]:
    """The leading numbers of a version such as `v20.1.0-rc`; () when there are none."""
    match = re.match(r"v?(\d+(?:\.\d+)*)", text.strip())
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def _find_program(name: str) -> Path:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    program = shutil.which(name, path=path)
    if program is None:
        raise ConfigError(
            f"{name} is not installed: it is not next to {sys.executable} nor on PATH"
        )
    return Path(program)


def _read_package(root: Path) -> dict[str, Any] | None:
    try:
        package: dict[str, Any] = json.loads((root / "package.json").read_text())
    except (OSError, ValueError):
        return None
    return package if package.get("name") == "configurable-http-proxy" else None


def find_chp() -> Path:
    """The root folder of the configurable-http-proxy package whose command is installed.

    Raises ConfigError when there is none, or when it is older than 4.5.
    """
    command = _find_program("configurable-http-proxy")
    roots = [
        command.resolve().parent.parent,
        # Where a package manager put a small script in the place of npm's symbolic link.
        command.parent.parent / "lib" / "node_modules" / "configurable-http-proxy",
    ]
    for root in roots:
        package = _read_package(root)
        if package is None:
            continue
        if parse_version(str(package["version"])) < OLDEST_CHP:
            raise ConfigError(
                f"configurable-http-proxy {package['version']} is too old: 4.5 or newer"
            )
        return root
    raise ConfigError(f"{command} does not belong to a configurable-http-proxy package")


def find_node() -> Path:
    """The `node` program. Raises ConfigError when there is none, or when it is older than 18."""
    node = _find_program("node")
    process = subprocess.run(
        [node, "--version"], capture_output=True, text=True, timeout=20, check=False
    )
    if parse_version(process.stdout) < OLDEST_NODE:
        raise ConfigError(
            f"{node} is {process.stdout.strip() or 'unusable'}: Node 18 or newer is needed"
        )
    return node


def build_edge_command(node: Path) -> list[str]:
    """The edge's command line. Its configuration comes on standard input."""
    return [str(node), f"--max-http-header-size={LARGEST_HEADERS}", str(JS_DIR / "main.mjs")]


@dataclass(frozen=True)
class HubAddresses:
    """Where the hub is, and where the tasks are; as browsers spell them."""

    hub_origin: str
    tasks_host: str
    """With a star as the first label where each task has a host name of its own."""


def build_proxy_command(
    node: Path, chp: Path, addresses: HubAddresses | None, arguments: list[str]
) -> list[str]:
    """The command line of the hub's guarded proxy, with CHP's own arguments.

    The proxy does not serve the hub under the tasks' host, unless `addresses` is None.
    """
    document = json.dumps(addresses and asdict(addresses))
    return [str(node), str(JS_DIR / "hub-proxy.mjs"), str(chp), document, *arguments]


def _sidecar(config: EdgeConfig) -> SidecarProcess[EdgeStatus]:
    def build_launch() -> Launch:
        command = build_edge_command(find_node())
        return Launch(command, config.to_document(find_chp()))

    return SidecarProcess(
        name="edge",
        state_dir=config.state_dir,
        fingerprint=config.fingerprint,
        build_launch=build_launch,
        status=EdgeClient(config.socket, timeout=CALL_TIMEOUT).status,
        error=EdgeError,
        unavailable=EdgeUnavailable,
        start_timeout=START_TIMEOUT,
    )


async def ensure_edge(config: EdgeConfig) -> EdgeStatus:
    """Adopt the edge that runs, or start one that outlives this process.

    One that runs with another configuration is replaced, which cuts its connections. However many
    processes call this at once, one edge runs. Raises ConfigError when Node or CHP is missing,
    EdgeError when the edge ends at once (with its last words), EdgeUnavailable after 20 seconds.
    """
    return await _sidecar(config).ensure()


async def stop_edge(config: EdgeConfig) -> bool:
    """Stop the edge that answers on the socket, and wait until it is gone; False when none does.

    Raises EdgeUnavailable when it is still there after 10 seconds.
    """
    return await _sidecar(config).stop()


def run_edge(config: EdgeConfig) -> NoReturn:
    """Become the edge, in the foreground, with its log on standard error.

    Raises ConfigError when Node or CHP is missing, EdgeError when an edge runs on that socket.
    """
    _sidecar(config).become()


def run_proxy(addresses: HubAddresses | None, arguments: list[str]) -> NoReturn:
    """Become the hub's proxy, with CHP's own arguments and environment.

    Raises ConfigError when Node or CHP is missing.
    """
    command = build_proxy_command(find_node(), find_chp(), addresses, arguments)
    os.execv(command[0], command)  # noqa: S606
