"""WebSocket messages a second, there and back: the edge against plain CHP.

    python -m bench.edge_websocket [ROUNDS [SECONDS]]

Goal: at least 0.9 of CHP's messages.
"""

import json
import statistics
import subprocess
import sys

from bench.common import Goal, alternate, finish, median_ratio, print_row
from bench.edge_common import HERE, Server, run_backend, run_chp, run_edge
from rosetta_hub.edge.process import find_node

CONNECTIONS = 16


def measure(server: Server, seconds: int) -> float:
    """Messages a second over all connections."""
    host = {"Host": f"127.0.0.1:{server.port}"}
    command = [str(find_node()), str(HERE / "edge_websocket_client.mjs"), str(server.port)]
    command += [str(CONNECTIONS), str(seconds)]
    document = json.dumps({"headers": {**host, **server.headers}})
    process = subprocess.run(
        command,
        input=document,
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,
    )
    return int(process.stdout) / seconds


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    with run_backend() as backend, run_edge(backend) as edge, run_chp(backend, edge.headers) as chp:
        for server in (chp, edge):
            measure(server, 1)
        rates = alternate(
            {"plain CHP": lambda: measure(chp, seconds), "edge": lambda: measure(edge, seconds)},
            rounds,
        )
    print_row("", "messages/s")
    for name, values in rates.items():
        print_row(name, f"{statistics.median(values):.0f}")
    finish(
        Goal("messages/s, edge / CHP", median_ratio(rates["edge"], rates["plain CHP"]), least=0.9)
    )


if __name__ == "__main__":
    main()
