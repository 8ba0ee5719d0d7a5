"""The processes of the edge's benches: a backend, plain CHP, and an edge with one task."""

import asyncio
import contextlib
import hashlib
import re
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rosetta_hub.edge import (
    EdgeClient,
    EdgeConfig,
    Session,
    Target,
    TaskListener,
    TcpTarget,
    ensure_edge,
    stop_edge,
)
from rosetta_hub.edge.process import find_chp, find_node
from tests.support.ports import free_port

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Server:
    """Something that answers HTTP on a port."""

    name: str
    port: int
    pid: int
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    path: str = "/"


def wait_for_port(port: int) -> None:
    """Return once somebody listens; raises TimeoutError after 30 seconds."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens on port {port}")


@contextlib.contextmanager
def run(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A process, ended with the block."""
    # In a session of its own, as the edge is: the scheduler shares the machine among sessions.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


@contextlib.contextmanager
def run_backend() -> Iterator[Server]:
    """The backend alone."""
    with run([str(find_node()), str(HERE / "edge_backend.mjs")]) as process:
        assert process.stdout is not None
        yield Server("direct", int(process.stdout.readline()), process.pid)


@contextlib.contextmanager
def run_chp(backend: Server, headers: dict[str, str]) -> Iterator[Server]:
    """Plain CHP with one route, to be asked with the same headers as the edge."""
    port, api = free_port(), free_port()
    program = str(find_chp() / "bin" / "configurable-http-proxy")
    command = [str(find_node()), program, "--ip", "127.0.0.1", "--port", str(port)]
    command += ["--api-ip", "127.0.0.1", "--api-port", str(api), "--log-level", "error"]
    command += ["--default-target", f"http://127.0.0.1:{backend.port}"]
    with run(command) as process:
        wait_for_port(port)
        yield Server("plain CHP", port, process.pid, headers)


@contextlib.contextmanager
def run_edge(backend: Server) -> Iterator[Server]:
    """An edge with one task, asked by its user."""
    with tempfile.TemporaryDirectory() as folder:
        config = EdgeConfig(Path(folder), public_host="127.0.0.1")
        status = asyncio.run(ensure_edge(config))
        try:
            target = TcpTarget("127.0.0.1", backend.port)
            port, headers = asyncio.run(open_task(config, target))
            yield Server("edge", port, status.pid, headers)
        finally:
            asyncio.run(stop_edge(config))


async def open_task(config: EdgeConfig, target: Target) -> tuple[int, dict[str, str]]:
    """Open a task at a free port of an edge; returns the port, and the headers of its user."""
    port, task, session = free_port(), secrets.token_hex(6), secrets.token_urlsafe(24)
    digest = hashlib.sha256(session.encode()).hexdigest()
    listener = TaskListener(
        id=task,
        name="bench",
        room_url="http://hub.example/room",
        open_url="http://hub.example/open",
        cookie_secret="0" * 16,
        port=port,
        target=target,
        sessions={digest: Session("bench", int(time.time()) + 3600)},
    )
    await EdgeClient(config.socket).put_task(listener)
    scheme, prefix = ("https", "__Host-") if config.tls_cert else ("http", "")
    origin = f"{scheme}://127.0.0.1:{port}"
    return port, {"Cookie": f"{prefix}rosetta-{task}={session}", "Origin": origin}


def parse_wrk(output: str) -> tuple[float, int]:
    """Requests a second, and requests, of wrk's report. Raises ValueError on failed requests."""
    if re.search(r"Non-2xx|Socket errors", output):
        raise ValueError(output)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    count = re.search(r"(\d+) requests in", output)
    if rate is None or count is None:
        raise ValueError(output)
    return float(rate[1]), int(count[1])


def run_wrk(server: Server, seconds: int, connections: int = 32) -> tuple[float, int]:
    """Requests a second, and requests, that a server answers."""
    url = f"http://127.0.0.1:{server.port}{server.path}"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    for name, value in server.headers.items():
        command += ["-H", f"{name}: {value}"]
    command.append(url)
    # A session of its own again: else its share of the machine depends on who started the bench.
    process = subprocess.run(
        command, capture_output=True, text=True, check=True, start_new_session=True
    )
    return parse_wrk(process.stdout)
