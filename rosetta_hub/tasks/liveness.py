"""Tasks whose agents have not reported for so long that users should know."""

from datetime import datetime, timedelta

from rosetta_hub.database.models import Task, TaskState, utc_now

# Reports that are missing; one that is slow, or the service's own restart, is no silence.
MISSED_HEARTBEATS = 6


def unresponsive_since(task: Task, heartbeat_interval: int) -> datetime | None:
    """When the agent of a task that should report (each `heartbeat_interval` seconds) did so last.

    None where it does, or where nobody expects it to.
    """
    if task.state not in (TaskState.STARTING, TaskState.RUNNING) or task.last_heartbeat is None:
        return None
    late = utc_now() - task.last_heartbeat > timedelta(
        seconds=MISSED_HEARTBEATS * heartbeat_interval
    )
    return task.last_heartbeat if late else None
