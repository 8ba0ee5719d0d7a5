"""`rosetta ls`: how long it takes with Python's start, and its memory when it lists 10,000 tasks.

    python -m bench.client [ROUNDS]

A whole hub answers on this machine. Python alone, started beside it in turns, tells what of the
time is the machine's.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from bench.common import Goal, alternate, finish, print_row
from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Task, TaskState, utc_now
from rosetta_hub.keys import Keys
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.manager import TaskManager
from tests.e2e.deployment import Deployment
from tests.support.starting import start_task

FEW, MANY = 20, 10_000
MOST_MS, MOST_MB = 300.0, 5.0
SOFTWARE = [{"id": "echo", "name": "Echo", "image_name": "rosetta/none", "pull": "never"}]
COMPUTING = [{"id": "local", "name": "Here", "container_engines": ["docker"]}]


def record(state_dir: Path, count: int) -> None:
    """Write tasks of alice's that are over, as the service would have."""
    database = Database(f"sqlite:///{state_dir}/rosetta.sqlite")
    catalogue, keys = load_catalogue(SOFTWARE, COMPUTING), Keys(state_dir)
    logs = Logs(state_dir / "logs", 1 << 20)
    manager = TaskManager(database, catalogue, keys, logs, Broadcaster(), lambda _task: None)
    first = start_task(manager, "server-0", {"software": "echo"}, User("alice"))
    skipped = {"id", "server_name", "port"}
    values = {
        column.key: getattr(first, column.key)
        for column in Task.__mapper__.column_attrs
        if column.key not in skipped
    }
    with database.session() as session:
        session.merge(first).state = TaskState.STOPPED
        for number in range(1, count):
            created = utc_now() - timedelta(seconds=number)
            more = {"state": TaskState.STOPPED, "created": created, "port": None}
            own = {"id": f"{number:012x}", "server_name": f"server-{number}"}
            session.add(Task(**{**values, **more, **own}))
    database.close()


# Runs a program and prints milliseconds and KB. It is small itself: a program inherits what its
# parent has used as its own largest memory.
LAUNCHER = """
import resource, subprocess, sys, time
began = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
taken = time.perf_counter() - began
print(1000 * taken, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def run(command: Sequence[str], environment: dict[str, str]) -> tuple[float, int]:
    """Milliseconds that a program takes, and its largest memory in KB."""
    process = subprocess.run(
        [sys.executable, "-c", LAUNCHER, *command],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    milliseconds, kilobytes = process.stdout.split()
    return float(milliseconds), int(kilobytes)


async def measure(directory: Path, count: int, rounds: int) -> tuple[float, float, int]:
    """Medians in milliseconds of `rosetta ls` and of Python alone, and the first's memory."""
    deployment = Deployment(directory, SOFTWARE, COMPUTING)
    await deployment.start()
    try:
        record(deployment.state_dir, count)
        user = await deployment.user("alice")
        environment = {**os.environ, "ROSETTA_HUB": deployment.url, "ROSETTA_TOKEN": user.token}
        listed = [str(Path(sys.executable).with_name("rosetta")), "ls"]
        memory: list[int] = []

        def list_tasks() -> float:
            milliseconds, kilobytes = run(listed, environment)
            memory.append(kilobytes)
            return milliseconds

        def start_python() -> float:
            return run([sys.executable, "-c", "pass"], environment)[0]

        list_tasks()
        measures = {"ls": list_tasks, "python": start_python}
        values = await asyncio.to_thread(alternate, measures, rounds)
        return statistics.median(values["ls"]), statistics.median(values["python"]), max(memory)
    finally:
        deployment.kill_hub()
        deployment.kill_proxy()
        await deployment.stop_edge()


async def main() -> None:
    """Measure with few tasks and with many."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as name:
        few_ms, python_ms, few_kb = await measure(Path(name) / "few", FEW, rounds)
        many_ms, _, many_kb = await measure(Path(name) / "many", MANY, 2)
    print_row("", "ms", "MB")
    print_row("Python alone", f"{python_ms:.0f}")
    print_row(f"rosetta ls, {FEW} tasks", f"{few_ms:.0f}", f"{few_kb / 1024:.1f}")
    print_row(f"rosetta ls, {MANY} tasks", f"{many_ms:.0f}", f"{many_kb / 1024:.1f}")
    finish(
        Goal("rosetta ls, ms", few_ms, most=MOST_MS),
        Goal(f"memory of {MANY} tasks, MB more", (many_kb - few_kb) / 1024, most=MOST_MB),
    )


if __name__ == "__main__":
    asyncio.run(main())
