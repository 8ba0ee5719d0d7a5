"""Resident memory of the edge with 1,000 open TLS ports, each of which has served a request.

    python -m bench.edge_memory [PORTS]

Goal: at most 100 KB a port, beyond what the process takes with one.
"""

import asyncio
import hashlib
import ssl
import sys
import tempfile
import time
from pathlib import Path

from bench.common import Goal, finish, print_row, read_resident_kb
from bench.edge_common import Server, run_backend
from rosetta_hub.edge import (
    EdgeClient,
    EdgeConfig,
    Session,
    TaskListener,
    TcpTarget,
    ensure_edge,
    stop_edge,
)
from tests.support.certificates import make_certificate
from tests.support.ports import free_port

SESSION = "a-session-of-the-bench"


def build_listeners(count: int, backend: Server) -> list[TaskListener]:
    """As many tasks, each on a free port."""
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    digest = hashlib.sha256(SESSION.encode()).hexdigest()
    return [
        TaskListener(
            id=f"{number:012x}",
            name="bench",
            room_url="http://hub.example/room",
            open_url="http://hub.example/open",
            cookie_secret=f"{number:016x}",
            port=port,
            target=TcpTarget("127.0.0.1", backend.port),
            sessions={digest: Session("bench", int(time.time()) + 3600)},
        )
        for number, port in enumerate(ports)
    ]


async def ask(listener: TaskListener, trust: ssl.SSLContext) -> None:
    """One request with the task's cookie."""
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port, ssl=trust)
    head = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{listener.port}\r\nConnection: close\r\n"
    cookie = f"Cookie: __Host-rosetta-{listener.id}={SESSION}\r\n\r\n"
    writer.write((head + cookie).encode())
    answer = await reader.read()
    writer.close()
    if b" 200 " not in answer[:16]:
        raise RuntimeError(answer.decode())


async def measure(config: EdgeConfig, listeners: list[TaskListener]) -> list[tuple[str, int]]:
    """Resident KB with one port, with all of them, and after a request to each."""
    status = await ensure_edge(config)
    client = EdgeClient(config.socket, timeout=60)
    trust = ssl.create_default_context(cafile=str(config.tls_cert))
    results = []
    await client.put_tasks(listeners[:1])
    for _ in range(50):
        await ask(listeners[0], trust)
    results.append(("1 port", read_resident_kb(status.pid)))
    errors = await client.put_tasks(listeners)
    listeners = [listener for listener in listeners if listener.id not in errors]
    results.append((f"{len(listeners)} ports", read_resident_kb(status.pid)))
    for listener in listeners:
        await ask(listener, trust)
    results.append(("after a request to each", read_resident_kb(status.pid)))
    await stop_edge(config)
    return results


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as folder, run_backend() as backend:
        cert, key = make_certificate(Path(folder))
        config = EdgeConfig(Path(folder), "127.0.0.1", tls_cert=cert, tls_key=key)
        results = asyncio.run(measure(config, build_listeners(count, backend)))
    print_row("", "resident KB")
    for name, resident in results:
        print_row(name, str(resident))
    single, open_ports, used_ports = (resident for _, resident in results)
    finish(
        Goal("KB a port", (open_ports - single) / count, most=100),
        Goal("KB a port, used", (used_ports - single) / count, most=100),
    )


if __name__ == "__main__":
    main()
