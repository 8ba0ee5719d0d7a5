"""Which task an argument names: its id, the beginning of its id, or its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rosetta_client.errors import NotFound, RosettaError
from rosetta_client.waiting import OVER

if TYPE_CHECKING:
    from rosetta_client.client import Client
    from rosetta_client.models import TaskView

_ID = re.compile(r"[0-9a-f]{12}")
_BEGINNING = re.compile(r"[0-9a-f]{4,11}")


def is_id(text: str) -> bool:
    """Whether a text is the whole id of a task."""
    return bool(_ID.fullmatch(text))


def find_task(client: Client, text: str) -> TaskView:
    """The task; of several with one name the only one that is not over.

    Raises:
        NotFound: there is none.
        RosettaError: there are several.
    """
    if is_id(text):
        return client.get_task(text)
    # The hub finds names that contain the text; ids are compared here.
    filters = {} if _BEGINNING.fullmatch(text) else {"name": text}
    tasks = [task for task in client.iterate_tasks(**filters) if _is_meant(task, text)]
    tasks = [task for task in tasks if task.state not in OVER] or tasks
    if not tasks:
        raise NotFound(f"You have no task {text!r}. 'rosetta ls' lists them.")
    if len(tasks) > 1:
        ids = ", ".join(task.id for task in tasks[:5])
        raise RosettaError(f"There are {len(tasks)} tasks {text!r}. Name one by its id: {ids}.")
    return tasks[0]


def _is_meant(task: TaskView, text: str) -> bool:
    return task.name == text or bool(_BEGINNING.fullmatch(text) and task.id.startswith(text))
