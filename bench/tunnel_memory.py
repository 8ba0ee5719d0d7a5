"""Memory of the tunnels' process an open connection, for each kind of tunnel."""

import asyncio
from pathlib import Path

from bench.common import Goal, finish, print_row, read_resident_kb
from bench.tunnel_common import run_all
from rosetta_hub.tunnels.client import TunnelsClient

CONNECTIONS = 500
# asyncio gives each TLS connection a buffer of 256 KB.
MOST_KB = {"ssh": 50.0, "agent": 50.0, "direct": 300.0}
REQUEST = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"


async def use(socket: Path) -> asyncio.StreamWriter:
    """A connection over which one answer has come, and which stays open."""
    reader, writer = await asyncio.open_unix_connection(str(socket))
    writer.write(REQUEST)
    await writer.drain()
    answer = await reader.read(1 << 16)
    assert answer.startswith(b"HTTP/1.1 200"), answer[:80]
    return writer


async def measure(socket: Path) -> float:
    """KB a connection."""
    api = TunnelsClient(socket.parent.parent / "tunnels.sock")
    pid = (await api.status()).pid
    opened = [await use(socket)]
    before = read_resident_kb(pid)
    try:
        opened += [await use(socket) for _ in range(CONNECTIONS)]
        return (read_resident_kb(pid) - before) / CONNECTIONS
    finally:
        for writer in opened:
            writer.close()


def main() -> None:
    """Measure and print."""
    with run_all() as sockets:
        kilobytes = {name: asyncio.run(measure(sockets[name])) for name in MOST_KB}
    print_row("", "KB/connection")
    for name, value in kilobytes.items():
        print_row(name, f"{value:.1f}")
    finish(*(Goal(f"{name}: KB", value, most=MOST_KB[name]) for name, value in kilobytes.items()))


if __name__ == "__main__":
    main()
