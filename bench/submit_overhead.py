"""What a submission takes beyond sbatch itself: agent packed, SSH, the record of the job.

A real sshd, the tunnels' process as in production, and a fake sbatch, which is also run directly
with the same script. The first submission opens the connection; the others share it.
"""

import asyncio
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.common import Goal, finish, print_row
from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.keys import Keys
from rosetta_hub.resources.resource import Queue
from rosetta_hub.resources.resource_builder import ResourceBuilder
from rosetta_hub.sidecar_settings import tunnels_config
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tunnels.client import TunnelsClient
from rosetta_hub.tunnels.process import ensure_tunnels, stop_tunnels
from rosetta_hub.users.identities import Identities
from tests.support.fake_slurm import FakeSlurm
from tests.support.sshd import Sshd, make_key
from tests.support.starting import start_task

ROUNDS = 20
MOST_SECONDS = 0.5
SOFTWARE = [{"name": "Echo", "image_name": "echo"}]


def computing(sshd: Sshd, key: Path, slurm: FakeSlurm) -> dict[str, Any]:
    """The cluster behind that sshd."""
    return {
        "id": "cluster",
        "name": "Cluster",
        "access_mode": "ssh",
        "auth_mode": "platform_keys",
        "wms": "slurm",
        "container_engines": ["singularity"],
        "conf": {
            "host": "127.0.0.1",
            "port": sshd.port,
            "user": sshd.username,
            "key_file": str(key),
            "known_hosts": sshd.known_hosts,
            "path": [str(slurm.directory)],
        },
    }


class Desk:
    """A task manager, and the queue as the service builds it."""

    def __init__(self, directory: Path, resource: dict[str, Any]) -> None:
        settings = Rosetta(
            state_dir=str(directory), tasks_url="http://127.0.0.1", computing=[resource]
        )
        keys, logs = Keys(directory), Logs(directory / "logs", 4096)
        database = Database(f"sqlite:///{directory}/rosetta.sqlite")
        catalogue = load_catalogue(SOFTWARE, [resource])
        self.tunnels = tunnels_config(settings)
        self.tasks = TaskManager(database, catalogue, keys, logs, Broadcaster(), lambda _: None)
        builder = ResourceBuilder(
            settings, keys, Identities(database, keys, settings), TunnelsClient(self.tunnels.socket)
        )
        self.queue: Queue = builder.build().queues["cluster"]

    async def submit(self, number: int) -> float:
        """Seconds of one submission."""
        task = start_task(self.tasks, f"server-{number}", {"software": "echo"}, User("alice"))
        began = time.perf_counter()
        await self.queue.submit(task)
        return time.perf_counter() - began


def run_directly(slurm: FakeSlurm) -> float:
    """Seconds of the same sbatch, run here."""
    script = next(iter(slurm.jobs().values()))["script"]
    argv = [f"{slurm.directory}/sbatch", "--parsable", "--job-name=direct"]
    began = time.perf_counter()
    subprocess.run(argv, input=script, text=True, check=True, capture_output=True)
    return time.perf_counter() - began


async def main(directory: Path) -> None:
    """Measure and print."""
    (directory / "bin").mkdir()
    slurm, key = FakeSlurm(directory / "bin"), make_key(directory / "key")
    sshd = Sshd(directory / "sshd")
    sshd.authorized.write_text(key.with_suffix(".pub").read_text())
    sshd.start()
    desk = Desk(directory, computing(sshd, key, slurm))
    try:
        await ensure_tunnels(desk.tunnels)
        first = await desk.submit(0)
        pairs = [(await desk.submit(number), run_directly(slurm)) for number in range(1, ROUNDS)]
    finally:
        await stop_tunnels(desk.tunnels)
        sshd.stop()
    more = statistics.median(ours - direct for ours, direct in pairs)
    print_row("", "seconds")
    print_row("first, with a new connection", f"{first:.3f}")
    print_row("ours", f"{statistics.median(ours for ours, _ in pairs):.3f}")
    print_row("sbatch alone", f"{statistics.median(direct for _, direct in pairs):.3f}")
    finish(Goal("seconds more than sbatch", more, most=MOST_SECONDS))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(main(Path(scratch)))
