"""Edge and tunnels stay equal to the database, whatever happens at the same time.

Both are real processes; a computing resource is one that the test makes slow or silent.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import DesiredState, Task, TaskState
from rosetta_hub.edge import EdgeClient, TaskListener, stop_edge
from rosetta_hub.errors import EdgeUnavailable, NotFound, ResourceUnavailable, Unavailable
from rosetta_hub.ingress.api_accounts import ApiAccounts
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.ingress.ingress import Ingress
from rosetta_hub.ingress.publisher import Publisher
from rosetta_hub.ingress.tunnel_publisher import TunnelPublisher
from rosetta_hub.resources.local import LocalHost
from rosetta_hub.resources.resource import Resource
from rosetta_hub.sidecar_settings import edge_config
from rosetta_hub.targets import Target as InterfaceTarget
from rosetta_hub.tunnels import (
    ReverseRoute,
    Tunnel,
    TunnelsClient,
    TunnelsConfig,
    TunnelsUnavailable,
    stop_tunnels,
)
from tests.support.ports import free_ports
from tests.support.starting import start_task

from .conftest import ALICE, Bench
from .test_manager import report

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

# Seconds that a change gets to go between the parts of a full state, where nothing prevents it.
CHANCE = 0.5


class Remote:
    """A resource whose nodes dial; it can be one that has not answered yet."""

    uses_tunnels = True

    def __init__(self) -> None:
        self.silent: set[str] = set()

    async def locate(self, task: Task) -> None:
        if task.id in self.silent:
            raise ResourceUnavailable("The host does not answer.")

    def tunnel(self, task: Task) -> Tunnel | None:
        if task.id in self.silent:
            raise ResourceUnavailable("The host has not answered yet.")
        return Tunnel(task.id, task.attempt, ReverseRoute("00" * 32))

    def interface_target(self, task: Task, interface: int | None = None) -> InterfaceTarget | None:
        if task.id in self.silent:
            raise ResourceUnavailable("The host has not answered yet.")
        return None


class Meddler:
    """Makes changes at the moment at which a full state is complete, but not yet sent."""

    def __init__(self) -> None:
        self.changes: list[Callable[[], Awaitable[object]]] = []
        self.started: list[asyncio.Task[object]] = []

    async def meddle(self) -> None:
        for change in self.changes:
            self.started.append(asyncio.create_task(_run(change)))
        self.changes = []
        if self.started:
            await asyncio.wait(self.started, timeout=CHANCE)

    async def finish(self) -> None:
        await asyncio.gather(*self.started)


async def _run(change: Callable[[], Awaitable[object]]) -> object:
    return await change()


class MeddledEdge(EdgeClient):
    def __init__(self, socket: Path, meddler: Meddler) -> None:
        super().__init__(socket)
        self._meddler = meddler

    async def put_tasks(
        self, listeners: Iterable[TaskListener], value: Iterable[str] = ()
    ) -> dict[str, str]:
        listeners = list(listeners)
        await self._meddler.meddle()
        return await super().put_tasks(listeners, value)


class MeddledTunnels(TunnelsClient):
    def __init__(self, socket: Path, meddler: Meddler) -> None:
        super().__init__(socket)
        self._meddler = meddler

    async def put_tunnels(
        self, tunnels: Iterable[Tunnel], value: Iterable[str] = ()
    ) -> dict[str, str]:
        tunnels = list(tunnels)
        await self._meddler.meddle()
        return await super().put_tunnels(tunnels, value)


class Site:
    """A service with edge and tunnels; `restart` gives the service that comes after it."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench = bench
        self.meddler = Meddler()
        self.remote = Remote()
        self.ports = free_ports(4)
        self.settings = Rosetta(
            state_dir=str(folder),
            tasks_url="http://127.0.0.1",
            tasks_ports=f"{self.ports[0]}-{self.ports[-1]}",
        )
        self.config = TunnelsConfig(self.settings.state_path)
        self.restart()

    def restart(self) -> None:
        bench, settings = self.bench, self.settings
        local = LocalHost(bench.tasks.catalogue.computing["local"], settings, bench.keys)
        resources: dict[str, Resource] = {"local": local, "remote": self.remote}
        self.edge = EdgePublisher(bench.tasks, resources, settings, bench.keys)
        self.edge._client = MeddledEdge(edge_config(settings).socket, self.meddler)
        self.tunnels = TunnelPublisher(
            *(bench.tasks, resources, settings, self.config, {}), ApiAccounts({})
        )
        self.tunnels._client = MeddledTunnels(self.config.socket, self.meddler)
        self.ingress = Ingress(bench.tasks, self.edge, self.tunnels)

    def start(self, name: str, computing: str = "local") -> Task:
        """A running task, which nobody knows of but the database."""
        task = start_task(self.bench.tasks, name, {"software": "echo"}, ALICE)
        self.bench.tasks.report(task, report("running", interface={"kind": "socket"}))
        return self.change(task, computing=computing)

    def change(self, task: Task, **values: Any) -> Task:
        """Change a row as nothing of the service does."""
        with self.bench.tasks.database.session() as session:
            session.execute(update(Task).where(Task.id == task.id).values(**values))
        return self.bench.tasks.find(task.id)

    async def end(self, task: Task) -> None:
        """What the reconciler does when a task has ended."""
        await self.ingress.close(self.bench.tasks.stopped(task))

    def declare(self, task: Task, *ports: int) -> Task:
        """Have the task's software name further interfaces."""
        interfaces = [{"name": f"I{port}", "port": port} for port in ports]
        full = [{**interface, "protocol": "http", "path": "/"} for interface in interfaces]
        return self.change(task, software={**task.software, "interfaces": full})

    async def open_tasks(self) -> set[str]:
        return set(await self.edge.activity())

    async def open_listeners(self) -> set[str]:
        return set(await self.edge._client.activity())

    async def open_tunnels(self) -> set[str]:
        return set(await self.tunnels._client.states())


@pytest.fixture
async def site(bench: Bench, tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(bench, tmp_path / "state")
    yield site
    await stop_edge(edge_config(site.settings))
    await stop_tunnels(site.config)


# --- the edge ------------------------------------------------------------------------------------


async def test_full_state_of_the_edge_races_with_single_changes(site: Site) -> None:
    await site.edge.sync()
    ends, stays, begins = [site.start(name) for name in ("one", "two", "three")]
    await site.ingress.open(ends)
    await site.ingress.open(stays)
    site.restart()
    site.change(begins, state=TaskState.STOPPED)

    def end() -> Awaitable[None]:
        return site.edge.close(site.bench.tasks.stopped(ends))

    def begin() -> Awaitable[None]:
        site.change(begins, state=TaskState.RUNNING)
        return site.edge.open(begins)

    site.meddler.changes = [end, begin]
    await site.edge.sync()
    await site.meddler.finish()
    assert await site.open_tasks() == {stays.id, begins.id}


async def test_row_that_cannot_be_read_stops_no_other_task(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Its software was stored by another release, say: the task is left as it is."""
    await site.edge.sync()
    bad, good = site.start("bad"), site.start("good")
    await site.ingress.open(bad)
    site.change(bad, software={**bad.software, "a_key_of_the_future": 1})
    site.restart()
    await site.edge.sync()
    assert await site.open_tasks() == {bad.id}, "the other one has no port yet"
    await site.ingress.open(good)
    site.restart()
    await site.edge.sync()
    assert await site.open_tasks() == {bad.id, good.id}
    assert f"{bad.id} can't be described" in caplog.text


async def test_task_whose_address_is_not_known_stays_open(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """The pods of a cluster are listed after the service's start, say."""
    await site.edge.sync()
    task = site.start("one", "remote")
    await site.ingress.open(task)
    site.remote.silent.add(task.id)
    site.restart()
    site.bench.woken.clear()
    await site.edge.sync()
    assert await site.open_tasks() == {task.id}
    assert site.bench.woken == [task.id], "the reconciler asks until there is an answer"
    assert "can't be described" not in caplog.text


async def test_task_whose_row_cannot_be_read_can_be_stopped(site: Site) -> None:
    await site.edge.sync()
    bad = site.start("bad")
    await site.ingress.open(bad)
    bad = site.change(
        bad, software={"interface_protocol": "http", "unknown": 1}, desired_state=DesiredState.STOP
    )
    await site.ingress.close_to_users(bad)
    await site.end(bad)
    assert await site.open_tasks() == set()


async def test_what_the_edge_missed_is_sent_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was too slow to answer, and is the same process as before."""
    await site.edge.sync()
    task = site.start("one")

    async def time_out(listener: TaskListener) -> None:
        raise EdgeUnavailable("the edge did not answer within 10 s")

    with monkeypatch.context() as patch:
        patch.setattr(site.edge._client, "put_task", time_out)
        await site.ingress.open(task)
    assert await site.open_tasks() == set()
    await site.edge.sync()
    assert await site.open_tasks() == {task.id}


async def test_port_that_another_program_took_stops_no_other_task(site: Site) -> None:
    """Not even where no port is left: the reconciler says so to that task's user."""
    await site.edge.sync()
    moves, stays = site.start("moves"), site.start("stays")
    for task in (moves, stays):
        await site.ingress.open(task)
    port = site.bench.tasks.find(moves.id).port
    await stop_edge(edge_config(site.settings))
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
    try:
        site.bench.woken.clear()
        await site.edge.sync()
        assert await site.open_tasks() == {stays.id}
        assert site.bench.woken == [moves.id]
        await site.ingress.open(moves)
        assert site.bench.tasks.find(moves.id).port != port
        assert await site.open_tasks() == {moves.id, stays.id}
    finally:
        server.close()


async def test_each_interface_has_a_port_and_gives_it_back(site: Site) -> None:
    await site.edge.sync()
    task = site.declare(site.start("one"), 8787, 6006)
    await site.ingress.open(task)
    task = site.bench.tasks.find(task.id)
    values = {task.port, *task.edge_ports.values()}
    assert (set(task.edge_ports), len(values)) == ({"8787", "6006"}, 3)
    assert values <= set(site.ports)
    assert await site.open_listeners() == {task.id, f"{task.id}-8787", f"{task.id}-6006"}
    site.restart()
    await site.edge.sync()
    assert len(await site.open_listeners()) == 3, "the full state names each"
    # The fourth port is left: too few for a task with an interface.
    other = site.declare(site.start("two"), 8787)
    assert await site.ingress.open(other)
    assert site.bench.tasks.find(other.id).reason == "ports_exhausted"
    await site.end(task)
    assert await site.open_listeners() == set()


async def test_port_of_an_interface_that_another_program_took(site: Site) -> None:
    await site.edge.sync()
    task = site.declare(site.start("one"), 8787)
    site.change(task, port=site.ports[0], edge_ports={"8787": site.ports[1]})
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", site.ports[1])
    try:
        await site.ingress.open(task)
    finally:
        server.close()
    task = site.bench.tasks.find(task.id)
    assert task.port == site.ports[0], "the main interface stays where it is"
    assert task.edge_ports["8787"] in site.ports[2:]
    assert await site.open_listeners() == {task.id, f"{task.id}-8787"}


async def test_interfaces_of_the_attempt_before_are_closed(site: Site) -> None:
    await site.edge.sync()
    task = site.declare(site.start("one"), 8787)
    await site.ingress.open(task)
    await site.ingress.open(site.declare(task))
    assert await site.open_listeners() == {task.id}


async def test_attempt_that_is_over_is_not_opened(site: Site) -> None:
    """Its row was read before it ended."""
    await site.edge.sync()
    task = site.start("one")
    await site.edge.close(site.bench.tasks.stopped(task))
    with pytest.raises(NotFound):
        await site.edge.open(task)
    assert await site.open_tasks() == set()


# --- the tunnels ---------------------------------------------------------------------------------


async def test_full_state_of_the_tunnels_races_with_single_changes(site: Site) -> None:
    await site.tunnels.sync()
    ends, stays, begins = [site.start(name, "remote") for name in ("one", "two", "three")]
    await site.tunnels.open(ends)
    await site.tunnels.open(stays)
    site.restart()

    site.change(begins, state=TaskState.STOPPED)

    def end() -> Awaitable[None]:
        return site.tunnels.close(site.bench.tasks.stopped(ends))

    def begin() -> Awaitable[None]:
        site.change(begins, state=TaskState.RUNNING)
        return site.tunnels.open(begins)

    site.meddler.changes = [end, begin]
    await site.tunnels.sync()
    await site.meddler.finish()
    assert await site.open_tunnels() == {stays.id, begins.id}


async def test_host_that_does_not_answer_keeps_its_tunnels(site: Site) -> None:
    await site.tunnels.sync()
    slow, stays, result = [site.start(name, "remote") for name in ("slow", "stays", "gone")]
    for task in (slow, stays, result):
        await site.tunnels.open(task)
    site.bench.tasks.stopped(result)
    site.remote.silent.add(slow.id)
    site.restart()
    site.bench.woken.clear()
    await site.tunnels.sync()
    assert await site.open_tunnels() == {slow.id, stays.id}
    assert site.bench.woken == [slow.id], "the reconciler asks until there is an answer"


async def test_row_that_cannot_be_read_stops_no_other_tunnel(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.tunnels.sync()
    bad, good = site.start("bad", "remote"), site.start("good", "remote")
    await site.tunnels.open(bad)

    def tunnel(task: Task) -> Tunnel | None:
        if task.id == bad.id:
            raise ValueError("the row is not valid")
        return Remote.tunnel(site.remote, task)

    monkeypatch.setattr(site.remote, "tunnel", tunnel)
    site.restart()
    await site.tunnels.sync()
    assert await site.open_tunnels() == {bad.id, good.id}


@pytest.mark.parametrize("computing", ["local", "remote", "removed"])
async def test_ports_become_free_without_the_tunnels(site: Site, computing: str) -> None:
    """The tunnels' process is away; what it has to close, it closes when it is back."""
    await site.edge.sync()
    task = site.start("one", computing)
    await site.edge.open(task)
    await site.end(task)
    assert await site.open_tasks() == set()


async def test_tunnel_that_could_not_be_closed_is_closed_later(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.edge.sync()
    await site.tunnels.sync()
    task = site.start("one", "remote")
    await site.ingress.open(task)

    async def time_out(task_id: str) -> bool:
        raise TunnelsUnavailable("the tunnels' process did not answer within 10 s")

    with monkeypatch.context() as patch:
        patch.setattr(site.tunnels._client, "delete_tunnel", time_out)
        await site.end(task)
    assert await site.open_tunnels() == {task.id}
    await site.tunnels.sync()
    assert await site.open_tunnels() == set()


@pytest.mark.parametrize("name", ["edge", "tunnels"])
async def test_check_tells_whether_the_process_answers(site: Site, name: str) -> None:
    publishers: dict[str, Publisher[Any]] = {"edge": site.edge, "tunnels": site.tunnels}
    publisher = publishers[name]
    with pytest.raises(Unavailable):
        await publisher.check()
    await publisher.sync()
    await publisher.check()
    os.kill(await publisher.pid(), 0)


async def test_processes_do_not_wait_for_each_other(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tunnels' process that hangs delays nothing of a task that needs no tunnel."""
    await site.edge.sync()
    await site.tunnels.sync()
    hangs = asyncio.Event()

    async def hang(tunnel: Tunnel) -> None:
        hangs.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(site.tunnels._client, "put_tunnel", hang)
    opening = asyncio.create_task(site.ingress.open(site.start("far", "remote")))
    try:
        await hangs.wait()
        near = site.start("near")
        async with asyncio.timeout(20):
            await site.ingress.open(near)
            assert await site.open_tasks() == {near.id}
            await site.end(near)
        assert await site.open_tasks() == set()
    finally:
        opening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await opening
