"""Requests a second: the edge against jupyter-server-proxy, to the same backend.

    python -m bench.edge_jupyter_server_proxy [ROUNDS [SECONDS]]

Needs jupyter-server-proxy (the extra `bench`). Goal: at least 10 times its requests.
"""

import contextlib
import statistics
import sys
import tempfile
from collections.abc import Iterator

from bench.common import Goal, alternate, finish, median_ratio, print_row
from bench.edge_common import Server, run, run_backend, run_edge, run_wrk, wait_for_port
from tests.support.ports import free_port

# Enough to keep both busy: with few, the waits between three processes count, too.
CONNECTIONS = 128


@contextlib.contextmanager
def run_jupyter(backend: Server) -> Iterator[Server]:
    """A Jupyter server with the extension, without authentication: it has less to do."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "jupyter_server", f"--ServerApp.root_dir={folder}"]
        command += [f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1", "--allow-root"]
        command += ["--no-browser", "--IdentityProvider.token=", "--ServerApp.log_level=ERROR"]
        command += [
            "--ServerApp.jpserver_extensions={'jupyter_server_proxy': True, 'jupyterlab': False}"
        ]
        with run(command) as process:
            wait_for_port(port)
            path = f"/proxy/{backend.port}/"
            yield Server("jupyter-server-proxy", port, process.pid, path=path)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    with run_backend() as backend, run_edge(backend) as edge, run_jupyter(backend) as jupyter:
        for server in (jupyter, edge):
            run_wrk(server, 2, CONNECTIONS)
        rates = alternate(
            {
                jupyter.name: lambda: run_wrk(jupyter, seconds, CONNECTIONS)[0],
                edge.name: lambda: run_wrk(edge, seconds, CONNECTIONS)[0],
            },
            rounds,
        )
    print_row("", "requests/s")
    for name, values in rates.items():
        print_row(name, f"{statistics.median(values):.0f}")
    ratio = median_ratio(rates[edge.name], rates[jupyter.name])
    finish(Goal("requests/s, edge / jupyter-server-proxy", ratio, least=10))


if __name__ == "__main__":
    main()
