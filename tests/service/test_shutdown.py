"""`rosetta-hub shutdown` ends, and says what it could not end."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.config import Rosetta
from rosetta_hub.errors import EdgeUnavailable, ResourceUnavailable
from rosetta_hub.service import shutdown
from rosetta_hub.service.composition import Parts
from rosetta_hub.service.shutdown import end_all
from tests.support.starting import start_task

SOFTWARE: list[dict[str, Any]] = [{"name": "Echo", "image_name": "rosetta/echo"}]
COMPUTING: list[dict[str, Any]] = [
    {"id": "local", "name": "This machine", "container_engines": ["docker"]}
]


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    settings = Rosetta(
        state_dir=str(tmp_path),
        tasks_url="http://127.0.0.1",
        software=SOFTWARE,
        computing=COMPUTING,
    )
    result = Parts(settings)
    yield result
    result.database.close()


async def test_what_does_not_stop_is_named(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutdown, "PATIENCE", -1.0)
    monkeypatch.setattr(shutdown, "TRY_AGAIN", 0.0)
    tasks = parts.tasks
    names = {
        start_task(tasks, name, {"software": "echo", "name": name}, User("alice")).id: name
        for name in ("quick", "refused", "endless")
    }

    async def reconcile(task_id: str) -> None:
        if names[task_id] == "endless":
            await asyncio.Event().wait()
        if names[task_id] == "refused":
            raise ResourceUnavailable("Docker does not answer.")
        tasks.stopped(tasks.find(task_id))

    monkeypatch.setattr(parts.reconciler, "reconcile", reconcile)
    ids = {name: task_id for task_id, name in names.items()}
    assert sorted(await end_all(parts, 1)) == sorted(
        [
            f"{ids['endless']} ('endless' of alice on local): it did not stop within 1 s",
            f"{ids['refused']} ('refused' of alice on local): Docker does not answer.",
        ]
    )


async def test_a_resource_may_need_a_moment_to_answer(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a kubectl that the tunnels have just been told to start."""
    tasks, request = parts.tasks, list[str]()
    start_task(tasks, "one", {"software": "echo"}, User("alice"))

    async def reconcile(task_id: str) -> None:
        request.append(task_id)
        if len(request) < 3:
            raise ResourceUnavailable("The Kubernetes API server can't be reached.")
        tasks.stopped(tasks.find(task_id))

    monkeypatch.setattr(parts.reconciler, "reconcile", reconcile)
    monkeypatch.setattr(shutdown, "TRY_AGAIN", 0.0)
    assert await end_all(parts, 30) == []


@pytest.mark.parametrize("unanswered", [{1}, {1, 3}])
async def test_a_resource_that_hangs_is_asked_twice(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, unanswered: set[int]
) -> None:
    """One request that is given up has taken longer than a resource may not answer."""
    tasks, request = parts.tasks, list[str]()
    start_task(tasks, "one", {"software": "echo"}, User("alice"))

    async def reconcile(task_id: str) -> float:
        request.append(task_id)
        if len(request) in unanswered:
            raise ResourceUnavailable("The Kubernetes API server did not answer in time.")
        if len(request) > max(unanswered):
            tasks.stopped(tasks.find(task_id))
        return 0.0

    monkeypatch.setattr(parts.reconciler, "reconcile", reconcile)
    monkeypatch.setattr(shutdown, "PATIENCE", -1.0)
    monkeypatch.setattr(shutdown, "TRY_AGAIN", 0.0)
    assert await end_all(parts, 30) == []


async def test_a_task_that_has_stopped_needs_no_edge(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a shutdown that could stop the edge, and not all tasks."""
    tasks = parts.tasks
    task = start_task(tasks, "one", {"software": "echo"}, User("alice"))

    async def reconcile(task_id: str) -> None:
        if tasks.has_ended(task_id):
            raise EdgeUnavailable("The edge does not answer.")
        tasks.stopped(tasks.find(task_id))

    monkeypatch.setattr(parts.reconciler, "reconcile", reconcile)
    assert await end_all(parts, 1) == []
    assert tasks.has_ended(task.id)


async def test_without_tasks_there_is_nothing_to_wait_for(parts: Parts) -> None:
    assert await end_all(parts, 1) == []
