"""Queries of the scheduler a minute with 1,000 tasks, ours against batchspawner's own polling.

900 tasks wait and 100 run. Both ask the same fake scheduler, which counts; ours runs for a minute
as in the service, in which two tasks begin, as many as there are where 1,000 take eight hours each;
batchspawner's spawners are polled as often as JupyterHub would. Then the hub is
away while every waiting job starts, and the time until all tasks say so is taken.
"""

import asyncio
import getpass
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

from batchspawner import SlurmSpawner
from batchspawner.batchspawner import JobStatus

from bench.common import Goal, finish, print_row
from rosetta_hub.background import spawn
from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Task, TaskState, utc_now
from rosetta_hub.keys import Keys
from rosetta_hub.reconciler.job_watcher import JobWatcher
from rosetta_hub.resources.cluster import Cluster
from rosetta_hub.resources.slurm.reasons import waiting_message
from rosetta_hub.tasks.conditions import Conditions
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tasks.report import Report
from tests.support.eventually import until
from tests.support.fake_slurm import FakeSlurm
from tests.support.starting import start_task

QUEUED, RUNNING = 900, 100
MOST_QUERIES = 4.0
SECONDS = 60.0
# When tasks begin, in seconds.
BEGIN = (10.0, 40.0)
AT_ONCE = 20
COMPUTING = {
    "id": "cluster",
    "name": "Cluster",
    "access_mode": "ssh",
    "wms": "slurm",
    "container_engines": ["singularity"],
    "conf": {"host": "login"},
}


class Own:
    """Everybody's account is called as on the hub."""

    def remote_user(self, user: str) -> str:
        """The same name."""
        return user


class Desk:
    """A task manager and the watcher of one cluster, as the service has them."""

    def __init__(self, directory: Path, slurm: FakeSlurm) -> None:
        settings = Rosetta(state_dir=str(directory), tasks_url="http://127.0.0.1")
        catalogue = load_catalogue([{"name": "Echo", "image_name": "echo"}], [COMPUTING])
        keys, logs = Keys(directory), Logs(directory / "logs", 4096)
        database = Database(f"sqlite:///{directory}/rosetta.sqlite")
        self.tasks = TaskManager(database, catalogue, keys, logs, Broadcaster(), lambda _: None)
        computing = catalogue.computing["cluster"]
        self.queue = Cluster(computing, settings, keys, Own(), slurm.wms, None, waiting_message)
        self.watcher = JobWatcher(computing, self.queue, self.tasks, Conditions())

    def record(self, number: int) -> dict[str, str]:
        """A submitted task; returns its job as the scheduler knows it."""
        task = start_task(self.tasks, f"server-{number}", {"software": "echo"}, User("alice"))
        runs = number >= QUEUED

        def submitted(row: Task) -> None:
            row.job_id, row.remote_user = str(number + 1), "alice"
            row.state = TaskState.RUNNING if runs else TaskState.QUEUED
            row.last_heartbeat = utc_now()

        self.tasks.update(task, submitted)
        state = {"state": "RUNNING", "node": "node1"} if runs else {"state": "PENDING"}
        name = self.queue.job_name(task)
        return {"id": str(number + 1), "name": name, "user": "alice", "reason": "Priority", **state}


async def begin(desk: Desk, slurm: FakeSlurm, task: Task, after: float) -> float:
    """Seconds from the first report of a task's agent until its node is known."""
    await asyncio.sleep(after)
    jobs = slurm.jobs()
    slurm.add_jobs({**jobs[str(task.job_id)], "state": "RUNNING", "node": "node1"})
    desk.tasks.report(task, Report(sequence=1, state="starting"))
    began = time.monotonic()
    desk.watcher.locate(desk.tasks.find(task.id))
    await until(lambda: desk.tasks.find(task.id).node)
    return time.monotonic() - began


async def ours(desk: Desk, slurm: FakeSlurm) -> tuple[float, float]:
    """Queries a minute of the service's own loop, and the longest wait for a node."""
    before = len(slurm.calls())
    waiting = [task for task in desk.tasks.active("cluster") if task.state is TaskState.QUEUED]
    loop = spawn(desk.watcher.run(), "watcher")
    starts = [begin(desk, slurm, task, after) for task, after in zip(waiting, BEGIN, strict=False)]
    *waits, _ = await asyncio.gather(*starts, asyncio.sleep(SECONDS))
    loop.cancel()
    return (len(slurm.calls()) - before) * 60 / SECONDS, max(filter(None, waits))


async def batchspawners(slurm: FakeSlurm) -> float:
    """Queries a minute of as many spawners; each is polled once, and they are counted."""
    jobs = list(slurm.jobs())
    spawners = [_spawner(slurm, job_id) for job_id in jobs]
    before = len(slurm.calls())
    limit = asyncio.Semaphore(AT_ONCE)

    async def poll(spawner: SlurmSpawner) -> None:
        async with limit:
            status = await spawner.query_job_status()
        assert status in (JobStatus.PENDING, JobStatus.RUNNING), status

    await asyncio.gather(*map(poll, spawners))
    return (len(slurm.calls()) - before) * 60 / float(spawners[0].poll_interval)


def _spawner(slurm: FakeSlurm, job_id: str) -> SlurmSpawner:
    # An account of this machine: batchspawner looks up its home.
    user = SimpleNamespace(name=getpass.getuser(), url="/", settings={})
    spawner = SlurmSpawner(user=user, hub=None)
    spawner.exec_prefix = ""
    spawner.batch_query_cmd = f"{slurm.directory}/squeue -h -j {{job_id}} -o '%T %B'"
    spawner.req_keepvars = ""
    spawner.job_id = job_id
    return spawner


async def restart(directory: Path, slurm: FakeSlurm) -> float:
    """Seconds from the start of a new service until every task says what its job is."""
    started = [{**job, "state": "RUNNING", "node": "node2"} for job in slurm.jobs().values()]
    slurm.add_jobs(*started)
    began = time.monotonic()
    desk = Desk(directory, slurm)
    await desk.watcher.step()
    seconds = time.monotonic() - began
    assert {task.job_state for task in desk.tasks.all()} == {"RUNNING"}
    return seconds


async def main(directory: Path) -> None:
    """Measure and print."""
    (directory / "bin").mkdir()
    slurm = FakeSlurm(directory / "bin")
    desk = Desk(directory, slurm)
    slurm.add_jobs(*(desk.record(number) for number in range(QUEUED + RUNNING)))
    theirs = await batchspawners(slurm)
    own, wait = await ours(desk, slurm)
    seconds = await restart(directory, slurm)
    print_row("", "queries/min")
    print_row("batchspawner", f"{theirs:.0f}")
    print_row("Rosetta Hub", f"{own:.1f}")
    print_row("node known after the first report", f"{wait:.1f} s")
    print_row("all states right after a restart", f"{seconds:.1f} s")
    finish(Goal("queries a minute", own, most=MOST_QUERIES))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(main(Path(scratch)))
