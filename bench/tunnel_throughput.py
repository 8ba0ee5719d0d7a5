"""Tunnels of each kind against `ssh -L`, to the same backend: bulk, requests, and their times.

    python -m bench.tunnel_throughput [ROUNDS [SECONDS]]

Goals, for each kind of tunnel: at least 0.7 of the bytes, at least 0.5 of the requests a second,
and at most 0.25 of the p99 of requests one after the other whose answers come in two writes (these
stall for 40 ms in `ssh -L`).
"""

import statistics
import sys
from pathlib import Path

from bench.common import Goal, alternate, finish, median_ratio, print_row
from bench.tunnel_common import measure, run_all

BASE = "ssh -L"
CONNECTIONS = 32


def compare(
    sockets: dict[str, Path], mode: str, field: str, connections: int, rounds: int, seconds: int
) -> dict[str, list[float]]:
    """One figure of each kind, in rounds."""
    measures = {
        name: lambda socket=socket: float(
            getattr(measure(socket, mode, connections, seconds), field)
        )
        for name, socket in sockets.items()
    }
    return alternate(measures, rounds)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with run_all() as sockets:
        bulk = compare(sockets, "bulk", "bytes", 1, rounds, seconds)
        rates = compare(sockets, "requests", "requests", CONNECTIONS, rounds, seconds)
        times = compare(sockets, "parts", "p99", 1, rounds, seconds)
    print_row("", "MB/s", "requests/s", "p99 ms")
    for name in sockets:
        cells = (
            f"{statistics.median(bulk[name]) / seconds / 1e6:.0f}",
            f"{statistics.median(rates[name]) / seconds:.0f}",
            f"{statistics.median(times[name]):.2f}",
        )
        print_row(name, *cells)
    goals = []
    for name in sockets:
        if name != BASE:
            goals += [
                Goal(f"bytes, {name} / {BASE}", median_ratio(bulk[name], bulk[BASE]), least=0.7),
                Goal(
                    f"requests/s, {name} / {BASE}",
                    median_ratio(rates[name], rates[BASE]),
                    least=0.5,
                ),
                Goal(f"p99, {name} / {BASE}", median_ratio(times[name], times[BASE]), most=0.25),
            ]
    finish(*goals)


if __name__ == "__main__":
    main()
