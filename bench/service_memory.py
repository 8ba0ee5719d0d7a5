"""Memory of the service a recorded task: 1,000 of them, 100 running, against none."""

import asyncio
import json
import tempfile
from pathlib import Path

from bench.common import Goal, finish, print_row, read_resident_kb
from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import TaskState, utc_now
from rosetta_hub.keys import Keys
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.manager import TaskManager
from tests.e2e.deployment import Deployment
from tests.support.starting import start_task

TASKS, RUNNING = 1000, 100
MOST_KB = 50.0
SOFTWARE = [{"id": "echo", "name": "Echo", "image_name": "rosetta/none", "pull": "never"}]
COMPUTING = [{"id": "local", "name": "Here", "container_engines": ["docker"]}]


def record(deployment: Deployment) -> None:
    """Write the tasks as the service would have."""
    state_dir = deployment.state_dir
    database = Database(f"sqlite:///{state_dir}/rosetta.sqlite")
    logs = Logs(state_dir / "logs", 1 << 20)
    catalogue = load_catalogue(SOFTWARE, COMPUTING)
    manager = TaskManager(
        database, catalogue, Keys(state_dir), logs, Broadcaster(), lambda _task: None
    )
    for number in range(TASKS):
        task = start_task(manager, f"server-{number}", {"software": "echo"}, User("alice"))
        with database.session() as session:
            row = session.merge(task)
            row.state = TaskState.RUNNING if number < RUNNING else TaskState.STOPPED
            row.last_heartbeat = utc_now()
        logs.append(task.id, 1, 0, "a line of its log\n" * 50)
    database.close()


async def measure(directory: Path, tasks: bool) -> int:
    """Resident memory of a service after its pages were used, in KB."""
    deployment = Deployment(
        directory, SOFTWARE, COMPUTING, extra="c.Rosetta.heartbeat_interval = 300"
    )
    await deployment.start()
    try:
        if tasks:
            deployment.kill_hub()
            record(deployment)
            await deployment.start()
        user = await deployment.user("alice")
        for _ in range(5):
            views = json.loads((await user.api("GET", "tasks")).body)["tasks"]
        assert len(views) == (TASKS if tasks else 0)
        return read_resident_kb(deployment.service_pid())
    finally:
        deployment.kill_hub()
        deployment.kill_proxy()
        await deployment.stop_edge()


async def main() -> None:
    """Measure both, and print the difference a task."""
    with tempfile.TemporaryDirectory() as name:
        empty = await measure(Path(name) / "empty", tasks=False)
        full = await measure(Path(name) / "full", tasks=True)
    print_row("service", "none", f"{TASKS} tasks")
    print_row("resident memory, KB", str(empty), str(full))
    finish(Goal("KB a task", (full - empty) / TASKS, most=MOST_KB))


if __name__ == "__main__":
    asyncio.run(main())
