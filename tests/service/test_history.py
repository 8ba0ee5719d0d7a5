"""Tasks that have ended cost the periodic steps nothing, however many there are."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import event, insert, text

from rosetta_hub.audit.log import AuditLog
from rosetta_hub.config import Rosetta
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import DesiredState, Task, TaskState, utc_now
from rosetta_hub.edge.client import Activity
from rosetta_hub.hub.client import HubClient
from rosetta_hub.ingress.edge_publisher import EdgePublisher
from rosetta_hub.periodic.activity import ActivityReporter
from rosetta_hub.periodic.liveness import LivenessWatcher
from rosetta_hub.periodic.orphans import OrphanStopper
from rosetta_hub.periodic.unopened import UnopenedCuller
from rosetta_hub.sharing.permission import SharePermission
from rosetta_hub.sharing.records import ShareRecords
from rosetta_hub.sharing.sharing import Sharing
from tests.support.catalogues import LOCAL
from tests.support.starting import start_task

from .conftest import ALICE, Bench
from .test_jobs import Desk
from .test_jobs import desk as desk  # the fixture
from .test_manager import report

HISTORY = 2000


def add_history(database: Database, computing: str) -> None:
    """Many tasks that ended yesterday, each with a job."""
    yesterday = utc_now() - timedelta(days=1)
    rows = [
        {
            "id": f"{number:012x}",
            "user": f"user{number % 50}",
            "server_name": f"old-{number}",
            "name": "Old",
            "options": {},
            "family": "echo",
            "software": {"name": "Echo"},
            "computing": computing,
            "engine": "docker",
            "state": TaskState.STOPPED,
            "desired_state": DesiredState.STOP,
            "job_id": str(number),
            "remote_user": f"user{number % 50}",
            "created": yesterday,
            "ended": yesterday,
        }
        for number in range(HISTORY)
    ]
    with database.session() as session:
        session.execute(insert(Task), rows)


@contextmanager
def counted_rows(database: Database) -> Iterator[Counter[str]]:
    """Count the rows that the database hands out, and those that it looks at without an index."""
    counts: Counter[str] = Counter()

    def loaded(_row: Any, _context: Any) -> None:
        counts["rows"] += 1

    def executed(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        plan = cursor.connection.cursor()
        plan.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        counts["scans"] += sum(_is_scan(line[3]) for line in plan.fetchall())

    event.listen(Task, "load", loaded)
    event.listen(database.engine, "before_cursor_execute", executed)
    try:
        yield counts
    finally:
        event.remove(Task, "load", loaded)
        event.remove(database.engine, "before_cursor_execute", executed)


def _is_scan(line: str) -> bool:
    """Whether a line of SQLite's plan (sqlite.org/eqp.html) reads all tasks, or all in an index."""
    return line.startswith("SCAN tasks")


class Edge:
    """An edge that nothing goes through."""

    async def activity(self) -> dict[str, Activity]:
        return {}


class Hub:
    """A hub that has all servers."""

    async def active_servers(self) -> dict[str, set[str]]:
        return {ALICE.name: {"one"}}


def settings_of(directory: Path) -> Rosetta:
    return Rosetta(
        state_dir=str(directory),
        hub_url="http://localhost:8000",
        tasks_url="http://127.0.0.1",
        computing=[LOCAL],
        cull_unopened_timeout=1,
    )


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_no_periodic_step_reads_what_has_ended(bench: Bench, tmp_path: Path) -> None:
    tasks, settings, hub = bench.tasks, settings_of(tmp_path), cast(HubClient, Hub())
    add_history(tasks.database, "local")
    task = start_task(tasks, "one", {"software": "echo"}, ALICE)
    tasks.report(task, report("running"))
    edge = cast(EdgePublisher, Edge())
    sharing = Sharing(
        *(tasks, hub, ShareRecords(tasks.database), cast(Any, None)),
        *(SharePermission(True), AuditLog(tasks.database), cast(Any, None)),
    )
    steps = {
        "liveness": LivenessWatcher(tasks, settings).step,
        "orphans": OrphanStopper(tasks, hub).step,
        "unopened": UnopenedCuller(tasks, edge, settings).step,
        "activity": ActivityReporter(tasks, edge, hub, cast(Any, None)).step,
        "sharing": sharing.step,
    }
    for name, step in steps.items():
        with counted_rows(tasks.database) as counts:
            await step()
        assert counts["rows"] <= 1, name
        assert counts["scans"] == 0, name


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_queries_of_single_moments_use_an_index(bench: Bench) -> None:
    tasks = bench.tasks
    add_history(tasks.database, "local")
    task = start_task(tasks, "one", {"software": "echo"}, ALICE)
    with counted_rows(tasks.database) as counts:
        assert tasks.active_ids() == [task.id]
        assert not tasks.has_port_to_free()
        assert [row.id for row in tasks.all("alice")] == [task.id]
        assert tasks.find_server("alice", "one").id == task.id
    assert counts["rows"] == 2
    assert counts["scans"] == 0


async def test_a_round_of_the_job_watcher_reads_its_active_tasks_alone(desk: Desk) -> None:
    add_history(desk.tasks.database, "cluster")
    task = await desk.submitted()
    with counted_rows(desk.tasks.database) as counts:
        await desk.watcher.step()
    # Once before the scheduler is asked, once after, and once for the change itself.
    assert counts["rows"] <= 3
    assert counts["scans"] == 0
    assert desk.now(task).job_state == "PENDING"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_counting_sees_a_scan(bench: Bench) -> None:
    """The counter itself: without it, the tests above could not fail."""
    add_history(bench.tasks.database, "local")
    with counted_rows(bench.tasks.database) as counts:
        bench.tasks.all()
        with bench.tasks.database.session() as session:
            session.execute(text("SELECT id FROM tasks WHERE message = 'x'"))
    assert counts == {"rows": HISTORY, "scans": 2}
