"""Waiting until a task runs, or has ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rosetta_client.errors import TaskFailed, TimeOver

if TYPE_CHECKING:
    from rosetta_client.client import Client
    from rosetta_client.models import TaskView

RUNNING = "running"
# States after which nothing comes by itself.
OVER = frozenset({"stopped", "failed"})
# Seconds between two questions.
_PAUSE = 1.0


def wait_until_running(
    client: Client,
    task: TaskView,
    timeout: float | None = None,
    changed: Callable[[TaskView], None] = lambda _: None,
) -> TaskView:
    """The task once it runs; `changed` is called with each news of it.

    Raises:
        TaskFailed: it has ended.
        TimeOver: it does not run after `timeout` seconds; it goes on starting.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    while task.state != RUNNING:
        changed(task)
        if task.state in OVER:
            raise TaskFailed(f"The task {task.name!r} ({task.id}) does not run: {task.message}")
        if deadline is not None and time.monotonic() >= deadline:
            raise TimeOver(f"The task {task.name!r} ({task.id}) still waits: {task.message}")
        time.sleep(_PAUSE)
        task = client.get_task(task.id)
    changed(task)
    return task
