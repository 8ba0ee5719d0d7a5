"""The end that a user chose when the task was started."""

from datetime import datetime, timedelta

from rosetta_hub.catalogue.units import parse_duration
from rosetta_hub.database.models import Task


def chosen_end(task: Task) -> datetime | None:
    """When a task that has just started running ends by choice of its user; None: not so.

    `stop_after` counts from the start, however long the task has waited for it.
    """
    after = task.options.get("stop_after")
    if after is None or task.started is None:
        return task.stop_at
    return task.started + timedelta(seconds=parse_duration(after))
