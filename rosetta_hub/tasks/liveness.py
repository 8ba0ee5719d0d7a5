"""Tasks whose agents have not reported for so long that users should know."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_

from rosetta_hub.database.models import Task, TaskState, utc_now

# Missing reports until users are told: more than a slow one, or a restart of the service.
HEARTBEATS_UNTIL_UNRESPONSIVE = 6

# Words of the schedulers for a job that stays on its node and does not go on: Slurm; LSF; PBS and
# Torque; HTCondor; SGE.
_SUSPENDED = {
    *("SUSPENDED", "STOPPED"),
    *("USUSP", "SSUSP"),
    *("S", "U"),
    "Suspended",
    *("s", "ts", "T", "tT", "tS", "rs", "rS", "rT"),
}


def is_suspended(task: Task) -> bool:
    """Whether the scheduler has said that it holds the task's job on its node."""
    is_there = task.state in (TaskState.STARTING, TaskState.RUNNING)
    return is_there and task.job_id is not None and task.job_state in _SUSPENDED


def unresponsive_since(task: Task, heartbeat_interval: int) -> datetime | None:
    """When the agent of a task that should report (each `heartbeat_interval` seconds) did so last.

    None where it does, or where nobody expects it to.
    """
    if is_suspended(task):
        return None
    if task.state not in (TaskState.STARTING, TaskState.RUNNING) or task.last_heartbeat is None:
        return None
    late = task.last_heartbeat < _last_expected(heartbeat_interval)
    return task.last_heartbeat if late else None


def build_unresponsive_condition(heartbeat_interval: int) -> ColumnElement[bool]:
    """Rows of tasks for which `unresponsive_since` gives a time."""
    return and_(
        Task.state.in_((TaskState.STARTING, TaskState.RUNNING)),
        Task.last_heartbeat < _last_expected(heartbeat_interval),
        or_(Task.job_id.is_(None), Task.job_state.is_(None), Task.job_state.not_in(_SUSPENDED)),
    )


def _last_expected(heartbeat_interval: int) -> datetime:
    """Who has not reported since then is unresponsive."""
    return utc_now() - timedelta(seconds=HEARTBEATS_UNTIL_UNRESPONSIVE * heartbeat_interval)
