"""What the API shows of a task only while there is something to show."""

from typing import Any

import pytest

from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task, TaskState
from rosetta_hub.tasks.conditions import Conditions
from rosetta_hub.tasks.view import Rights, Viewer
from tests.support.starting import start_task

from .conftest import ALICE, Bench

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

PULLING = {"state": TaskState.STARTING, "progress_done": 1, "progress_total": 4}
BUSY = {"state": TaskState.RUNNING, "cpu_seconds": 1.5, "memory_used": 8}
QUEUED = {"state": TaskState.QUEUED, "request": {"partition": "main", "time": 3600}}
# Of an older version: a key that nobody knows any more.
OLD = {"state": TaskState.QUEUED, "request": {"partition": "main", "nice": 1}}
ASKED = dict.fromkeys(("account", "qos", "gpus", "gpu_type", "constraint", "reservation"))


def view(bench: Bench, **columns: Any) -> dict[str, Any]:
    """A task with these columns, as its owner sees it."""
    task = start_task(bench.tasks, "one", {"software": "echo"}, ALICE)

    def fill(row: Task) -> None:
        for column, value in columns.items():
            setattr(row, column, value)

    viewer = Viewer(Rosetta(tasks_url="http://tasks.example"), bench.tasks.logs, Conditions())
    rights = Rights(stop=True, start=True, delete=True, log=True)
    return viewer.view(bench.tasks.update(task, fill), rights).model_dump(mode="json")


@pytest.mark.parametrize(
    ("columns", "progress", "usage", "request_view"),
    [
        ({}, None, None, None),
        (PULLING, {"done": 1, "total": 4}, None, None),
        (PULLING | {"progress_done": 4}, None, None, None),
        (BUSY, None, {"cpu_seconds": 1.5, "memory": 8}, None),
        (BUSY | {"state": TaskState.STOPPED}, None, None, None),
        (QUEUED, None, None, {**ASKED, "partition": "main", "time": 3600}),
        (OLD, None, None, {**ASKED, "partition": "main", "time": None}),
    ],
)
def test_parts_that_are_not_always_there(
    bench: Bench, columns: dict[str, Any], progress: Any, usage: Any, request_view: Any
) -> None:
    value = view(bench, **columns)
    assert (value["progress"], value["usage"], value["request"]) == (progress, usage, request_view)
