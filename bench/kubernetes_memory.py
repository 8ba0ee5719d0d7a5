"""What 1,000 tasks that run as pods cost the service, and the API server, while nobody uses them.

    python -m bench.kubernetes_memory [TASKS [SECONDS]]

The parts of the service that follow pods run in this process, against the API server of tests/pods
in another one, whose pods are recorded ones. Memory and processor time are those of this process;
the memory is compared with that before they ran.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.common import Goal, finish, print_row, read_resident_kb
from rosetta_hub.background import every
from rosetta_hub.config import Rosetta
from rosetta_hub.kubernetes.api_server import ApiServer
from rosetta_hub.kubernetes.client import WATCH_SECONDS, KubernetesClient
from rosetta_hub.reconciler.job_watcher import JobWatcher
from rosetta_hub.reconciler.pod_logs import FOLLOW_INTERVAL
from rosetta_hub.reconciler.pod_rounds import PodRounds
from rosetta_hub.tasks.conditions import Conditions
from tests.e2e.deployment import eventually
from tests.pods.bench import build_parts
from tests.pods.fake_api import TOKEN

TASKS, SECONDS = 1000, 2 * WATCH_SECONDS
MOST_MB, MOST_PERCENT = 40.0, 2.0
# Whether the cluster has metrics is asked every ten minutes.
MOST_WATCHES, MOST_OTHERS = 1.0, 1.0
# Seconds until each pod has been looked at.
DEADLINE = 300.0


@dataclass
class Server:
    """The process of the API server."""

    process: subprocess.Popen[str]
    api: ApiServer

    async def tell(self, line: str) -> dict[str, int]:
        """What it was asked since the last line."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        answer: dict[str, int] = json.loads(await asyncio.to_thread(self._read))
        return answer

    def _read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


@contextlib.contextmanager
def run_server(folder: Path, tasks: int) -> Iterator[Server]:
    """An API server without pods."""
    command = [sys.executable, "-m", "bench.kubernetes_api", str(folder), str(tasks)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        certificate = (folder / "cert.pem").read_text()
        yield Server(process, ApiServer(url, certificate, token=TOKEN))
    finally:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class Cost:
    """Memory in MB, that before the parts ran, percent of a core, and what was asked."""

    before: float
    memory: float
    percent: float
    asked: dict[str, int]


def build_loops(server: Server, folder: Path) -> tuple[PodRounds, list[Coroutine[Any, Any, None]]]:
    """What the service runs for a cluster, and which pods it looks at."""
    client = KubernetesClient(lambda: server.api)
    manager, queue, reporter, logs = build_parts(client, folder, Rosetta().heartbeat_interval)
    watcher = JobWatcher(manager.catalogue.computing["cloud"], queue, manager, Conditions())
    reporter.on_change = watcher.pace.hurry
    return reporter._rounds, [
        queue.pods.run(),
        queue.usage.run(queue.has_pods),
        reporter.run(),
        watcher.run(),
        every(FOLLOW_INTERVAL, logs.follow, "logs"),
    ]


async def measure(server: Server, folder: Path, tasks: int, seconds: float) -> Cost:
    """Follow the pods of so many tasks."""
    await server.tell("start")
    rounds, loops = build_loops(server, folder)
    before = _read_memory()
    running = [asyncio.ensure_future(loop) for loop in loops]
    await eventually(lambda: _are_seen(rounds, tasks), "each pod was looked at", DEADLINE)
    await server.tell("count")
    began = time.process_time()
    await asyncio.sleep(seconds)
    percent = (time.process_time() - began) / seconds * 100
    cost = Cost(before, _read_memory(), percent, await server.tell("count"))
    for loop in running:
        loop.cancel()
    return cost


async def _are_seen(rounds: PodRounds, tasks: int) -> bool:
    return len(rounds._looks) == tasks


def _read_memory() -> float:
    return read_resident_kb(os.getpid()) / 1024


def main(tasks: int, seconds: float) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name, run_server(Path(name), tasks) as server:
        cost = asyncio.run(measure(server, Path(name), tasks, seconds))
    print_row("", "MB", "% of a core")
    print_row("before", f"{cost.before:.0f}")
    print_row(f"{tasks} tasks", f"{cost.memory:.0f}", f"{cost.percent:.1f}")
    print(f"requests in {seconds:.0f} s: {cost.asked}")
    watches = sum(count for what, count in cost.asked.items() if what.startswith("watch"))
    others = sum(cost.asked.values()) - watches
    finish(
        Goal("MB more", cost.memory - cost.before, most=MOST_MB),
        Goal("% of a core", cost.percent, most=MOST_PERCENT),
        Goal("watches a minute", watches / seconds * WATCH_SECONDS, most=MOST_WATCHES),
        Goal("other requests", float(others), most=MOST_OTHERS),
    )


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else TASKS,
        float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS,
    )
