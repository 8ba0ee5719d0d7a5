"""The task that a path names is read from the database once for each request."""

from typing import Any

import pytest

from rosetta_hub.tasks.manager import TaskManager

from .test_api import Site
from .test_api import site as site

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.mark.parametrize(
    ("method", "rest", "status"),
    [
        ("GET", "", 200),
        ("GET", "/log", 200),
        ("GET", "/usage", 200),
        ("GET", "/lifetime", 200),
        ("GET", "/password", 404),
        ("POST", "/keep", 403),
        ("POST", "/stop", 202),
        ("DELETE", "", 202),
    ],
)
async def test_a_task_is_looked_up_once(
    site: Site, monkeypatch: pytest.MonkeyPatch, method: str, rest: str, status: int
) -> None:
    task, result = site.start(), list[str]()
    find = TaskManager.find

    def note(manager: TaskManager, task_id: str) -> Any:
        result.append(task_id)
        return find(manager, task_id)

    monkeypatch.setattr(TaskManager, "find", note)
    answer = await site.fetch(method, f"api/v1/tasks/{task.id}{rest}")
    assert (answer.code, result) == (status, [task.id]), answer.body
