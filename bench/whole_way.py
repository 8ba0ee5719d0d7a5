"""Bytes from the container to the browser's side of the edge, against `ssh -L` alone.

    python -m bench.whole_way [ROUNDS [SECONDS]]

The whole way is edge, tunnel and the node's relay, for each kind of tunnel, with TLS at the edge
and without. Goal for each: at least 0.9 of the bytes of `ssh -L`. On a machine with two cores it is
missed: seven processes share what four do with `ssh -L`.
"""

import asyncio
import contextlib
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.common import Goal, alternate, finish, median_ratio, print_row
from bench.edge_common import open_task
from bench.tunnel_common import measure, run_all
from rosetta_hub.edge import EdgeConfig, ensure_edge, stop_edge
from rosetta_hub.targets import UnixTarget
from tests.support.certificates import make_certificate

BASE = "ssh -L"
LEAST = 0.9
Address = tuple[str, list[str]]
"""Where a client asks, and the headers that it sends."""


@contextlib.contextmanager
def run_edge(sockets: Mapping[str, Path], *, tls: bool) -> Iterator[dict[str, Address]]:
    """An edge with a task behind each of the sockets."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cert, key = make_certificate(folder) if tls else (None, None)
        config = EdgeConfig(folder, public_host="127.0.0.1", tls_cert=cert, tls_key=key)
        asyncio.run(ensure_edge(config))
        try:
            yield {name: _open(config, socket) for name, socket in sockets.items()}
        finally:
            asyncio.run(stop_edge(config))


def _open(config: EdgeConfig, socket: Path) -> Address:
    port, headers = asyncio.run(open_task(config, UnixTarget(str(socket))))
    scheme = "https" if config.tls_cert else "http"
    return f"{scheme}://127.0.0.1:{port}", [f"{name}: {text}" for name, text in headers.items()]


@contextlib.contextmanager
def run_ways() -> Iterator[dict[str, Address]]:
    """All addresses at which the backend answers, by how."""
    with run_all(relayed=True) as sockets, contextlib.ExitStack() as stack:
        ways: dict[str, Address] = {BASE: (str(sockets[BASE]), [])}
        tunnels = {name: socket for name, socket in sockets.items() if name != BASE}
        for tls in (False, True):
            addresses = stack.enter_context(run_edge(tunnels, tls=tls))
            ways |= {
                f"{name}{', TLS' if tls else ''}": address for name, address in addresses.items()
            }
        yield ways


def main() -> None:
    """Compare in rounds."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with run_ways() as ways:
        measures = {
            name: lambda address=address, headers=headers: float(
                measure(address, "bulk", 1, seconds, headers).bytes
            )
            for name, (address, headers) in ways.items()
        }
        bulk = alternate(measures, rounds)
    print_row("", "MB/s")
    for name, values in bulk.items():
        print_row(name, f"{statistics.median(values) / seconds / 1e6:.0f}")
    finish(
        *(
            Goal(f"bytes, {name} / {BASE}", median_ratio(values, bulk[BASE]), least=LEAST)
            for name, values in bulk.items()
            if name != BASE
        )
    )


if __name__ == "__main__":
    main()
