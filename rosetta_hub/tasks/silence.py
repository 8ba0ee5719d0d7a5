"""Tasks whose agents have not reported for so long that users should know."""

from datetime import datetime, timedelta

from rosetta_hub.database.models import State, Task, utc_now

# Reports that are missing; one that is slow, or the service's own restart, is no silence.
MISSED_BEATS = 6


def silent_since(task: Task, beat_interval: int) -> datetime | None:
    """When the agent of a task that should report (each `beat_interval` seconds) did so last.

    None where it does, or where nobody expects it to.
    """
    if task.state not in (State.STARTING, State.RUNNING) or task.last_beat is None:
        return None
    late = utc_now() - task.last_beat > timedelta(seconds=MISSED_BEATS * beat_interval)
    return task.last_beat if late else None
