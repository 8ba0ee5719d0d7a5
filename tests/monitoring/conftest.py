"""The service with its edge and tunnels as processes, and a Prometheus that scrapes it."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from rosetta_hub.background import every
from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task
from rosetta_hub.edge.process import stop_edge
from rosetta_hub.errors import Unavailable
from rosetta_hub.service.composition import Parts
from rosetta_hub.service.services import build_services
from rosetta_hub.sidecar_settings import edge_config
from rosetta_hub.tasks.report import Report
from rosetta_hub.tunnels.process import stop_tunnels
from rosetta_hub.web.application import build_application
from tests.support.catalogues import CLUSTER, LOCAL
from tests.support.databases import open_sqlite
from tests.support.eventually import until
from tests.support.ports import free_port, free_ports
from tests.support.starting import start_task

from .prometheus import Prometheus, run_prometheus

SOFTWARE = [{"name": "Echo", "image_name": "rosetta/echo", "image_tag": "1"}]
ALICE = User("alice")
SCRAPER = {
    **{"kind": "service", "name": "prometheus", "admin": False, "groups": []},
    "scopes": ["read:metrics", "access:services!service=rosetta"],
}
TOKEN = "f" * 32


class WhoAmI(web.RequestHandler):
    """A hub that knows the scraper alone."""

    def get(self) -> None:
        """The model of the token's service."""
        if self.request.headers["Authorization"].endswith(TOKEN):
            self.finish(SCRAPER)
        else:
            self.set_status(403)


@dataclass
class Service:
    """The service, which a test breaks."""

    parts: Parts
    prometheus: Prometheus
    port: int
    # Raised by whatever the reconciler does; nothing is launched: tests say what becomes of tasks.
    failure: Unavailable | None = None
    # The edge that was sent a signal last.
    edge_pid: int | None = None
    _server: HTTPServer | None = None
    _sequences: dict[str, int] = field(default_factory=dict)

    async def reconcile(self, task_id: str) -> float | None:
        """In place of the reconciler's step."""
        if self.failure is not None:
            raise self.failure
        return None

    async def listen(self) -> None:
        """Answer to requests."""
        self._server = HTTPServer(build_application(build_services(self.parts), b"secret"))
        self._server.add_sockets(bind_sockets(self.port, "127.0.0.1"))

    async def listen_again(self) -> None:
        """Answer to requests, if nobody does."""
        if self._server is None:
            await self.listen()

    async def leave(self) -> None:
        """Answer to nobody any more."""
        assert self._server is not None
        self._server.stop()
        await self._server.close_all_connections()
        self._server = None

    def start(self, name: str, computing: str = "local") -> Task:
        """A task of alice's that waits."""
        options = {"software": "echo", "computing": computing}
        return start_task(self.parts.tasks, name, options, ALICE)

    def report(self, task: Task, state: str) -> Task:
        """Have the task's agent report a state."""
        sequence = self._sequences[task.id] = self._sequences.get(task.id, 0) + 1
        tasks = self.parts.tasks
        tasks.report(tasks.find(task.id), Report(sequence=sequence, state=state))
        return tasks.find(task.id)

    def run(self, name: str, computing: str = "local") -> Task:
        """A task of alice's that runs."""
        task = self.start(name, computing)
        for state in ("pulling", "starting", "running"):
            task = self.report(task, state)
        return task

    async def break_cluster(self, is_open: bool) -> None:
        """A task on a cluster whose scheduler can't be reached, nor its node if it was open."""
        self.parts.identities.set_remote_user(ALICE, "cluster", "ada")
        task = self.run(f"on the cluster {len(self._sequences)}", "cluster")

        def place(row: Task) -> None:
            row.job_id, row.node, row.remote_user = "7", "node1", "ada"
            if is_open:
                row.interface_kind, row.interface_port = "listener", 4000

        assert self.parts.tunnels is not None
        await self.parts.tunnels.open(self.parts.tasks.update(task, place))

    async def signal_edge(self, number: signal.Signals) -> None:
        """Send a signal to the edge's process."""
        self.edge_pid = await self.parts.edge.pid()
        os.kill(self.edge_pid, number)

    async def mend_edge(self) -> None:
        """Let the edge go on that a signal has stopped, and wait until one answers."""
        with contextlib.suppress(ProcessLookupError):
            if self.edge_pid is not None:
                os.kill(self.edge_pid, signal.SIGCONT)
        await until(self.has_edge)

    async def has_edge(self) -> bool:
        """Whether an edge answers."""
        with contextlib.suppress(Unavailable):
            return bool(await self.parts.edge.pid())
        return False

    async def has_series(self, expression: str) -> bool:
        """Whether Prometheus has numbers for an expression."""
        return bool(await self.prometheus.query(expression))


@pytest.fixture(scope="package")
def in_time() -> Iterator[None]:
    """A scrape has to end within a second, and a part has half of it to answer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rosetta_hub.metrics.sources.SCRAPE_TIMEOUT", 0.6)
        patch.setattr("rosetta_hub.web.health.TIMEOUT", 0.5)
        patch.setattr("rosetta_hub.web.health.MAX_AGE", 0)
        yield


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def service(
    tmp_path_factory: pytest.TempPathFactory, in_time: None
) -> AsyncIterator[Service]:
    """The service; its cluster does not answer."""
    folder = tmp_path_factory.mktemp("monitoring")
    hub, hub_sockets = HTTPServer(web.Application([(r".*", WhoAmI)])), bind_sockets(0, "127.0.0.1")
    hub.add_sockets(hub_sockets)
    open_sqlite(folder).close()
    settings = build_settings(folder, hub_sockets[0].getsockname()[1])
    parts, port = Parts(settings), free_port()
    (folder / "prometheus").mkdir()
    async with run_prometheus(folder / "prometheus", f"127.0.0.1:{port}", TOKEN) as prometheus:
        service = Service(parts, prometheus, port)
        service.parts.reconciler.reconcile = service.reconcile  # type: ignore[method-assign]
        await service.listen()
        async with looking_after(parts):
            yield service
            await service.leave()
    await stop_edge(edge_config(settings))
    await stop_tunnels(parts.tunnels_config)
    hub.stop()
    await close(parts)


@contextlib.asynccontextmanager
async def looking_after(parts: Parts) -> AsyncIterator[None]:
    """Keep edge and tunnels running, and measure the event loop."""
    assert parts.tunnels is not None
    steps = {
        "edge": parts.edge.sync,
        "tunnels": parts.tunnels.sync,
        "cluster": parts.watchers["cluster"].step,
    }
    loops = [asyncio.create_task(every(0.5, step, name)) for name, step in steps.items()]
    loops.append(asyncio.create_task(parts.metrics.loop_lag.run()))
    yield
    for loop in loops:
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)


def build_settings(folder: Path, hub_port: int) -> Rosetta:
    """A machine, and a cluster at whose address nobody listens."""
    ports = free_ports(20)
    conf = {"host": "127.0.0.1", "port": free_port(), "user": "ada"}
    return Rosetta(
        software=SOFTWARE,
        computing=[LOCAL, CLUSTER | {"conf": conf}],
        tasks_url="http://127.0.0.1",
        tasks_ports=f"{ports[0]}-{ports[-1]}",
        hub_api_url=f"http://127.0.0.1:{hub_port}/hub/api",
        state_dir=str(folder),
        db_url=f"sqlite:///{folder}/rosetta.sqlite",
    )


async def close(parts: Parts) -> None:
    """End what the parts hold open."""
    await parts.files.close()
    parts.database.close()
    # JupyterHub's own thread for calls that block.
    parts.hub_auth._pool.submit(lambda: parts.hub_auth._thread_loop.close()).result()
    parts.hub_auth._pool.shutdown()
