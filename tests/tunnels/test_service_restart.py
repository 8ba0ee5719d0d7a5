"""A service that starts while a host is slow leaves what users have open there as it is."""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from rosetta_hub.access import Completed
from rosetta_hub.catalogue.catalogue import User, load_catalogue
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.ingress.api_accounts import ApiAccounts
from rosetta_hub.ingress.tunnel_publisher import TunnelPublisher
from rosetta_hub.keys import Keys
from rosetta_hub.resources.access_local import LocalAccess
from rosetta_hub.resources.endpoints import Endpoints
from rosetta_hub.resources.host import SshHost
from rosetta_hub.tasks.events import Broadcaster
from rosetta_hub.tasks.logs import Logs
from rosetta_hub.tasks.manager import TaskManager
from rosetta_hub.tasks.report import Report
from rosetta_hub.users.identities import Identities
from tests.support.databases import open_sqlite
from tests.support.eventually import until
from tests.support.starting import start_task
from tests.tunnels.conftest import DEADLINE, Container, Rig


class SlowHost:
    """A host that does not answer commands until it may."""

    def __init__(self) -> None:
        self.answers = False

    async def run(self, argv: Sequence[str], stdin: str, timeout: float) -> Completed:
        if not self.answers:
            raise ResourceUnavailable("The host does not answer.")
        return await LocalAccess().run(argv, stdin, timeout)


class Deployment:
    """A database with one running task on the host of the rig, and the services that use it."""

    def __init__(self, rig: Rig, folder: Path, work_dir: Path) -> None:
        key_file = folder / "key"
        key_file.touch(mode=0o600)
        key_file.write_text(rig.endpoint.private_key)
        conf = {
            "host": "127.0.0.1",
            "port": rig.sshd.port,
            "user": rig.sshd.username,
            "key_file": str(key_file),
            "known_hosts": rig.sshd.known_hosts,
            "work_dir": str(work_dir),
        }
        computing = {
            "id": "host",
            "name": "The host",
            "access_mode": "ssh",
            "auth_mode": "platform_keys",
            "container_engines": ["docker"],
            "conf": conf,
        }
        self.rig = rig
        self.work_dir = work_dir
        self.settings = Rosetta(
            state_dir=str(rig.config.state_dir), tasks_url="http://127.0.0.1", manage_edge=False
        )
        self.keys = Keys(folder / "keys")
        self.database = open_sqlite(folder)
        catalogue = load_catalogue([{"name": "Echo", "image_name": "echo"}], [computing])
        self.computing = catalogue.computing["host"]
        logs = Logs(folder / "logs", 4096)
        self.tasks = TaskManager(
            self.database, catalogue, self.keys, logs, Broadcaster(), lambda task_id: None
        )

    def start_task(self) -> Task:
        task = start_task(self.tasks, "one", {"software": "echo"}, User("alice"))
        report = {"sequence": 1, "state": "running", "interface": {"kind": "socket"}}
        self.tasks.report(task, Report.model_validate(report))
        return self.tasks.find(task.id)

    def start_service(self, host: SlowHost) -> TunnelPublisher:
        """A service's part for the tunnels, that has not asked its host for anything yet."""
        identities = Identities(self.database, self.keys, self.settings)
        endpoints = Endpoints(self.computing, identities, self.settings.state_path)
        resource = SshHost(
            self.computing, self.settings, self.keys, endpoints, lambda endpoint: host
        )
        return TunnelPublisher(
            *(self.tasks, {"host": resource}, self.settings, self.rig.config, {}), ApiAccounts({})
        )


@pytest.fixture
def deployment(rig: Rig, tmp_path: Path) -> Iterator[Deployment]:
    # A socket's path has at most 107 bytes, and pytest's folders are long.
    with tempfile.TemporaryDirectory(prefix="rosetta-") as work_dir:
        deployment = Deployment(rig, tmp_path, Path(work_dir))
        yield deployment
        deployment.database.close()


async def test_slow_host_keeps_its_live_connections(deployment: Deployment) -> None:
    task, host = deployment.start_task(), SlowHost()
    sandbox = deployment.work_dir / f"{task.id}-1"
    sandbox.mkdir()
    container = Container(sandbox / "interface.sock")
    await container.start()
    try:
        host.answers = True
        before = deployment.start_service(host)
        await before.sync()
        await before.open(task)
        path = deployment.rig.config.task_socket(task.id)
        reader, writer = await asyncio.open_unix_connection(str(path))

        async def check_alive() -> None:
            writer.write(b"alive")
            assert await asyncio.wait_for(reader.readexactly(5), DEADLINE) == b"alive"

        await check_alive()
        host.answers = False
        after = deployment.start_service(host)
        await after.sync()
        await check_alive()
        with pytest.raises(ResourceUnavailable):
            await after.open(task)
        await check_alive()
        host.answers = True
        await after.open(task)
        await check_alive()
        assert container.opened == 1
        writer.close()
    finally:
        await container.stop()
        await until(lambda: not container.writers)
