"""Where the hub of a test runs: this machine, or one of a newer Debian that has Apptainer."""

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.devices import open_devices

ROOT = Path(__file__).parents[2]
APPTAINER_HOST = "rosetta/apptainer-host:0.1.0"
# Before Apptainer's own in the search path: an image file in two seconds, not in a minute.
MKSQUASHFS = f"--volume={ROOT}/tests/support/mksquashfs:/usr/local/bin/mksquashfs:ro"
# What Apptainer's user namespaces and FUSE need of the container around them.
PRIVILEGES = [
    "--cap-add=SYS_ADMIN",
    "--cap-add=NET_ADMIN",
    "--cap-add=SYS_PTRACE",
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--security-opt=systempaths=unconfined",
    "--device=/dev/fuse",
    "--device=/dev/net/tun",
]


@dataclass(frozen=True)
class Machine:
    """How to run a command there; `directory` is the same here and there."""

    prefix: tuple[str, ...]
    python: str
    directory: Path


def this_machine(directory: Path) -> Machine:
    """The machine of the tests."""
    return Machine((), sys.executable, directory)


@contextlib.contextmanager
def apptainer_machine(directory: Path) -> Iterator[Machine]:
    """A container of a newer Debian, with this hub installed, as an ordinary user.

    It shares the network of this machine, so the browser of the tests reaches it.
    """
    subprocess.run([ROOT / "docker/build", "apptainer-host"], check=True)
    _make_open(directory)
    name = f"rosetta-e2e-{secrets.token_hex(4)}"
    binds = [f"{directory}:{directory}", f"{ROOT}:{ROOT}:ro", "/etc/ssl/certs:/etc/ssl/certs:ro"]
    volumes = [f"--volume={bind}" for bind in [*binds, *_wheels()]]
    run = ["docker", "run", "--detach", "--rm", "--network=host", "--name", name]
    argv = [*run, *PRIVILEGES, MKSQUASHFS, *volumes, APPTAINER_HOST]
    subprocess.run(argv, check=True, capture_output=True)
    open_devices(name)
    try:
        execute = ("docker", "exec", "--user=alice", f"--workdir={directory}")
        _install((*execute, *_pip_environment(), name), directory)
        programs = directory / "venv/bin"
        path = f"--env=PATH={programs}:/usr/local/bin:/usr/bin:/bin"
        yield Machine((*execute, path, name), str(programs / "python"), directory)
    finally:
        subprocess.run(["docker", "rm", "--force", name], check=True, capture_output=True)


def _make_open(directory: Path) -> None:
    """Let the other user in: pytest's own directories are root's alone."""
    directory.mkdir(exist_ok=True)
    os.chown(directory, 1000, 1000)
    for parent in directory.parents[:3]:
        if parent.owner() == "root" and parent.name.startswith(("pytest", "hub")):
            parent.chmod(0o755)


def _install(prefix: tuple[str, ...], directory: Path) -> None:
    """The package as its wheel, and configurable-http-proxy as it is installed here."""
    wheels = directory / "wheels"
    pip = [sys.executable, "-m", "pip"]
    build = [*pip, "wheel", "-q", "--no-deps", "-w", str(wheels), str(ROOT)]
    subprocess.run(build, check=True)
    wheel = next(wheels.glob("*.whl"))
    proxy = Path(sys.prefix) / "lib/node_modules/configurable-http-proxy/bin"
    for command in (
        ["python3", "-m", "venv", directory / "venv"],
        [directory / "venv/bin/pip", "install", "-q", "--no-compile", wheel],
        ["ln", "-s", proxy / "configurable-http-proxy", directory / "venv/bin"],
    ):
        subprocess.run([*prefix, *map(str, command)], check=True, stderr=subprocess.PIPE)


def _pip_environment() -> list[str]:
    return [f"--env={key}={value}" for key, value in os.environ.items() if key.startswith("PIP_")]


def _wheels() -> list[str]:
    links = os.environ.get("PIP_FIND_LINKS", "")
    return [f"{links}:{links}:ro"] if links.startswith("/") and Path(links).is_dir() else []
