"""Time of a scrape with 1,000 tasks on four resources, beside what edge and tunnels take to answer.

What they answer is added up here, too: it is the larger part.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from bench.common import Goal, finish, print_row
from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Task, TaskState, utc_now
from rosetta_hub.edge.client import Activity
from rosetta_hub.keys import Keys
from rosetta_hub.metrics.metrics import Metrics
from rosetta_hub.metrics.sources import PartHealth, Sources
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tunnels.client import TunnelState
from tests.support.starting import start_task

TASKS, ROUNDS = 1000, 100
RESOURCES = [f"host{number}" for number in range(4)]
MOST_MILLISECONDS = 10.0
COMPUTING = [{"id": name, "name": name, "container_engines": ["docker"]} for name in RESOURCES]


class Answers:
    """What edge and tunnels say of all tasks."""

    def __init__(self, ids: list[str]) -> None:
        self._ids = ids
        self._bytes = 0

    async def activity(self) -> Mapping[str, Activity]:
        """More each time."""
        self._bytes += 1000
        return {task: Activity(self._bytes, self._bytes, None, 2, {}) for task in self._ids}

    async def tunnels(self) -> Mapping[str, TunnelState]:
        """All of them are open."""
        return dict.fromkeys(self._ids, TunnelState("open", None))

    async def parts(self) -> Mapping[str, PartHealth]:
        """All of them work."""
        return dict.fromkeys(("database", "disk", "edge", "tunnels"), PartHealth("", 0.001))


async def main() -> None:
    """Scrape again and again."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/rosetta.sqlite")
        metrics = Metrics()
        metrics.register_state(database, RESOURCES, 5)
        answers = Answers(fill(Path(folder), database, metrics))
        sources = Sources(answers.parts, answers.activity, answers.tunnels)
        size, milliseconds = await measure(metrics, sources)
        database.close()
    print_row("size of a scrape", f"{size / 1024:.0f} KB")
    # Of the processor: what other programs of a busy machine take is not the service's.
    finish(Goal("milliseconds of a scrape (median)", milliseconds, most=MOST_MILLISECONDS))


def fill(folder: Path, database: Database, metrics: Metrics) -> list[str]:
    """Start all tasks; returns their ids."""
    counted = metrics.tasks
    catalogue = load_catalogue([{"name": "Echo", "image_name": "rosetta/echo"}], COMPUTING)
    manager = TaskManager(
        *(database, catalogue, Keys(folder), Logs(folder / "logs", 4096), Broadcaster()),
        lambda _: None,
        counted.watch,
        counted.plan,
    )
    ids = []
    for number in range(TASKS):
        options = {"software": "echo", "computing": RESOURCES[number % len(RESOURCES)]}
        task = start_task(manager, f"task{number}", options, User(f"user{number}"))
        ids.append(manager.update(task, run if number % 3 else keep).id)
    return ids


def run(task: Task) -> None:
    """The task runs."""
    task.state, task.last_heartbeat = TaskState.RUNNING, utc_now()


def keep(_task: Task) -> None:
    """The task stays as it is."""


async def measure(metrics: Metrics, sources: Sources) -> tuple[int, float]:
    """Bytes of a scrape, and the milliseconds of the processor that one takes."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        size = len(await metrics.render(sources))
        times.append(1000 * (time.process_time() - start))
    return size, statistics.median(times)


if __name__ == "__main__":
    asyncio.run(main())
