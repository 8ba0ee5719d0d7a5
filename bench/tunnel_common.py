"""What the benches of tunnels compare: `ssh -L`, and a tunnel of each kind, to one backend."""

import asyncio
import contextlib
import hashlib
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.edge_common import HERE, run
from rosetta_hub.edge.process import find_node
from rosetta_hub.ssh import Endpoint
from rosetta_hub.ssh.keys import KeyPair, generate_key_pair
from rosetta_hub.targets import TcpTarget
from rosetta_hub.tunnel_certificate import TunnelCertificate, build_certificate
from rosetta_hub.tunnels import (
    DialListener,
    DirectRoute,
    ReverseRoute,
    Route,
    SshRoute,
    Tunnel,
    TunnelsClient,
    TunnelsConfig,
    ensure_tunnels,
    stop_tunnels,
)
from tests.support.ports import free_port
from tests.support.sshd import Sshd

SECRET = "5e" * 32
DEADLINE = 20


@dataclass(frozen=True)
class Measured:
    """What a client saw; times are in milliseconds."""

    requests: int
    bytes: int
    p50: float
    p99: float


def measure(
    address: Path | str, mode: str, connections: int, seconds: int, headers: Iterable[str] = ()
) -> Measured:
    """Ask the backend behind a unix socket, or behind an address of the edge."""
    command = [str(find_node()), str(HERE / "tunnel_client.mjs"), str(address), mode]
    command += [str(connections), str(seconds), *headers]
    process = subprocess.run(
        command, capture_output=True, text=True, check=True, start_new_session=True
    )
    return Measured(**json.loads(process.stdout))


def wait_until_answers(socket: Path) -> None:
    """Return once the backend answers there; raises TimeoutError."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        with contextlib.suppress(subprocess.CalledProcessError):
            if measure(socket, "requests", 1, 1).requests:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nothing answers behind {socket}")


@contextlib.contextmanager
def run_all(*, relayed: bool = False) -> Iterator[dict[str, Path]]:
    """The unix sockets behind which the backend answers, by what carries the bytes.

    `relayed`: through SSH, too, the node's relay is asked, as it is on a cluster.
    """
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        pair = generate_key_pair("bench")
        sshd = Sshd(folder / "sshd")
        sshd.authorize(pair.public_key)
        sshd.start()
        stack.callback(sshd.kill)
        backend = folder / "backend.sock"
        command = [str(find_node()), str(HERE / "tunnel_backend.mjs"), str(backend)]
        process = stack.enter_context(run(command))
        assert process.stdout is not None
        port = int(process.stdout.readline())
        sockets = {"ssh -L": stack.enter_context(run_openssh(folder, sshd, pair, port))}
        sockets |= stack.enter_context(
            run_tunnels(folder, sshd, pair, port, backend, relayed=relayed)
        )
        for socket in sockets.values():
            wait_until_answers(socket)
        yield sockets


@contextlib.contextmanager
def run_openssh(folder: Path, sshd: Sshd, pair: KeyPair, port: int) -> Iterator[Path]:
    """OpenSSH's own forward from a unix socket, with the cipher that tunnels use."""
    key, known_hosts, socket = folder / "key", folder / "known_hosts", folder / "openssh.sock"
    key.write_text(pair.private_key)
    key.chmod(0o600)
    known_hosts.write_text(sshd.known_hosts)
    command = ["ssh", "-F", "none", "-N", "-i", str(key), "-o", f"UserKnownHostsFile={known_hosts}"]
    command += ["-c", "aes128-gcm@openssh.com", "-p", str(sshd.port)]
    command += ["-L", f"{socket}:127.0.0.1:{port}", f"{sshd.username}@127.0.0.1"]
    with run(command):
        yield socket


@contextlib.contextmanager
def run_tunnels(
    folder: Path, sshd: Sshd, pair: KeyPair, port: int, backend: Path, *, relayed: bool
) -> Iterator[dict[str, Path]]:
    """A process of tunnels with one of each kind; the node's side is the agent's own."""
    dial = DialListener(free_port(), "127.0.0.1")
    config = TunnelsConfig(folder / "state", dial)
    endpoint = Endpoint(
        "bench", "user bench", "127.0.0.1", sshd.port, sshd.username, pair.private_key,
        known_hosts=sshd.known_hosts,
    )  # fmt: skip
    certificate = build_certificate(secrets.token_bytes(32))
    with run_node(certificate, port, backend, dial.port) as (listening, guarded):
        target = TcpTarget("127.0.0.1", guarded if relayed else port)
        routes: dict[str, Route] = {
            "ssh": SshRoute(endpoint, target, SECRET if relayed else None),
            "direct": DirectRoute("127.0.0.1", listening, SECRET, certificate.spki),
            "agent": ReverseRoute(hashlib.sha256(SECRET.encode()).hexdigest()),
        }
        asyncio.run(_open(config, routes))
        try:
            yield {name: config.task_socket(name) for name in routes}
        finally:
            asyncio.run(stop_tunnels(config))


async def _open(config: TunnelsConfig, routes: dict[str, Route]) -> None:
    await ensure_tunnels(config)
    client = TunnelsClient(config.socket)
    await client.put_tunnels(Tunnel(name, 1, route) for name, route in routes.items())


@contextlib.contextmanager
def run_node(
    certificate: TunnelCertificate, port: int, backend: Path, dial: int
) -> Iterator[tuple[int, int]]:
    """The agent's listeners and dialer in a process of their own.

    Gives the ports of the listener with TLS, and of the one without.
    """
    spec = {
        "certificate": certificate.certificate,
        "key": certificate.key,
        "secret": SECRET,
        "port": port,
        "backend": str(backend),
        "url": f"http://127.0.0.1:{dial}",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.tunnel_node"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(spec))
        process.stdin.close()
        with_tls, without = map(int, process.stdout.readline().split())
        yield with_tls, without
    finally:
        process.kill()
        process.wait()
