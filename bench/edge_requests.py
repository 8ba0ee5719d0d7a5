"""Requests a second, and CPU a request: the edge with its access check against plain CHP.

    python -m bench.edge_requests [ROUNDS [SECONDS]]

Goals: at least 0.9 of CHP's requests, at most 1.15 of its CPU time.
"""

import statistics
import sys

from bench.common import Goal, alternate, finish, median_ratio, print_row, read_cpu_seconds
from bench.edge_common import Server, run_backend, run_chp, run_edge, run_wrk


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    cpu: dict[str, list[float]] = {}

    def measure(server: Server) -> float:
        before = read_cpu_seconds(server.pid)
        rate, count = run_wrk(server, seconds)
        cpu.setdefault(server.name, []).append((read_cpu_seconds(server.pid) - before) / count)
        return rate

    with run_backend() as backend, run_edge(backend) as edge, run_chp(backend, edge.headers) as chp:
        for server in (chp, edge):
            run_wrk(server, 2)
        rates = alternate(
            {"plain CHP": lambda: measure(chp), "edge": lambda: measure(edge)}, rounds
        )
    print_row("", "requests/s", "CPU us/request")
    for name, values in rates.items():
        micro = statistics.median(cpu[name]) * 1e6
        print_row(name, f"{statistics.median(values):.0f}", f"{micro:.0f}")
    finish(
        Goal("requests/s, edge / CHP", median_ratio(rates["edge"], rates["plain CHP"]), least=0.9),
        Goal("CPU a request, edge / CHP", median_ratio(cpu["edge"], cpu["plain CHP"]), most=1.15),
    )


if __name__ == "__main__":
    main()
