"""Tasks that nobody opens."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest

from rosetta_hub.catalogue.catalogue import load_catalogue
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import BrowserSession, DesiredState, Task, utc_now
from rosetta_hub.edge.client import Activity
from rosetta_hub.errors import EdgeUnavailable
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.periodic.unopened import UnopenedCuller
from rosetta_hub.tasks.state_messages import message
from tests.support.starting import start_task

from .conftest import ALICE, COMPUTING, SOFTWARE, Bench
from .test_manager import report

CLUSTER: dict[str, Any] = {
    "id": "cluster",
    "name": "The cluster",
    "access_mode": "ssh",
    "wms": "slurm",
    "container_engines": ["docker"],
    "conf": {"host": "login"},
}
EARLIER = timedelta(minutes=31)


@dataclass
class Edge:
    """What users sent to each task."""

    requests: dict[str, int] = field(default_factory=dict)
    answers: bool = True

    async def activity(self) -> dict[str, Activity]:
        """The last request of each task, in milliseconds."""
        if not self.answers:
            raise EdgeUnavailable("no answer")
        return {task_id: Activity(1, 1, last, 0, {}) for task_id, last in self.requests.items()}


@dataclass
class Site:
    """A task that has run for longer than anybody was given to open it."""

    bench: Bench
    edge: Edge
    stopper: UnopenedCuller
    task: Task

    async def target(self) -> DesiredState:
        """What is wanted of the task after one round."""
        await self.stopper.step()
        return self.bench.tasks.find(self.task.id).desired_state

    def change(self, **values: Any) -> None:
        """Change the task."""

        def change(row: Task) -> None:
            for name, value in values.items():
                setattr(row, name, value)

        self.task = self.bench.tasks.update(self.task, change)


@pytest.fixture
def site(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Site:
    """On a cluster, 31 minutes after its start, of the 30 that somebody had."""
    computing: list[dict[str, Any]] = [*COMPUTING, CLUSTER]
    settings = Rosetta(software=SOFTWARE, computing=computing, cull_unopened_timeout=30)
    bench.tasks.catalogue = load_catalogue(SOFTWARE, computing)
    edge = Edge()
    stopper = UnopenedCuller(bench.tasks, cast(EdgePublisher, edge), settings)
    monkeypatch.setattr(stopper, "_began", utc_now() - EARLIER)
    task = start_task(bench.tasks, "one", {"software": "echo", "computing": "cluster"}, ALICE)
    bench.tasks.report(task, report("running", interface={"kind": "socket"}))
    result = Site(bench, edge, stopper, task)
    started = utc_now() - EARLIER
    result.change(started=started, last_activity=started)
    return result


async def test_a_task_that_nobody_opens_is_stopped_and_says_so(site: Site) -> None:
    assert await site.target() is DesiredState.STOP
    # The agent, asked to stop, has no reason of its own.
    tasks = site.bench.tasks
    tasks.report(tasks.find(site.task.id), report("stopped", 9))
    expected = "Stopped, because nobody opened the task within 30 min of its start."
    assert message(tasks.find(site.task.id), "The cluster") == expected


async def test_a_task_that_was_opened_goes_on(site: Site) -> None:
    site.change(
        last_activity=site.task.started + timedelta(seconds=5) if site.task.started else None
    )
    assert await site.target() is DesiredState.RUN


async def test_what_only_the_edge_knows_counts(site: Site) -> None:
    """The service may have been down when it was to be written down."""
    assert site.task.started is not None
    start = int(site.task.started.timestamp() * 1000)
    site.edge.requests[site.task.id] = start + 5000
    assert await site.target() is DesiredState.RUN
    # The waiting room was there before.
    site.edge.requests[site.task.id] = start - 5000
    assert await site.target() is DesiredState.STOP


async def test_a_browser_with_a_ticket_counts(site: Site) -> None:
    row = BrowserSession(
        digest="0" * 64, task_id=site.task.id, user="alice", token=b"", expires=utc_now()
    )
    with site.bench.tasks.database.session() as session:
        session.add(row)
    assert await site.target() is DesiredState.RUN


async def test_an_edge_that_does_not_answer_stops_nothing(site: Site) -> None:
    site.edge.answers = False
    with pytest.raises(EdgeUnavailable):
        await site.stopper.step()
    assert site.bench.tasks.find(site.task.id).desired_state is DesiredState.RUN


async def test_there_is_time_left(site: Site) -> None:
    site.change(started=utc_now() - timedelta(minutes=29))
    assert await site.target() is DesiredState.RUN


async def test_nobody_could_open_it_while_the_service_was_down(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.stopper, "_began", utc_now())
    assert await site.target() is DesiredState.RUN


@pytest.mark.parametrize("values", [{"computing": "local"}, {"started": None}])
async def test_only_what_started_out_of_a_queue(site: Site, values: dict[str, Any]) -> None:
    site.change(**values)
    assert await site.target() is DesiredState.RUN
