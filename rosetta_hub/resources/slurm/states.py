"""Slurm's words for the state of a job (squeue(1) and sacct(1), "JOB STATE CODES")."""

from rosetta_hub.resources.wms import Cause, JobState

# CONFIGURING: nodes are chosen, and start or run their prolog; the script does not run yet.
_WAITING = (
    *("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD"),
    *("RESV_DEL_HOLD", "SPECIAL_EXIT", "POWER_UP_NODE"),
)
# COMPLETING: what is left of it is being ended; it may be requeued afterwards, so it is not over.
_ON_A_NODE = (
    *("RUNNING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "COMPLETING"),
    *("RESIZING", "UPDATE_DB"),
)
_CAUSES: dict[str, Cause] = {
    "BOOT_FAIL": "node_failure",
    "CANCELLED": "cancelled",
    "COMPLETED": "exited",
    "DEADLINE": "time_limit",
    "FAILED": "exited",
    "LAUNCH_FAILED": "node_failure",
    "NODE_FAIL": "node_failure",
    "OUT_OF_MEMORY": "out_of_memory",
    "PREEMPTED": "preempted",
    "RECONFIG_FAIL": "node_failure",
    "REVOKED": "unknown",
    "TIMEOUT": "time_limit",
}


def job_state(word: str, *, on_a_node: bool) -> JobState:
    """The state of a job in the queue.

    A word that is not known means that the job is alive: only the words for an end are an end.
    """
    if word in _CAUSES:
        return JobState.ENDED
    if word in _ON_A_NODE or (word not in _WAITING and on_a_node):
        return JobState.RUNNING
    return JobState.PENDING


def end_cause(word: str) -> Cause | None:
    """Why a job ended that is in this state; None while it has not."""
    return _CAUSES.get(word)


def exit_status(text: str) -> int | None:
    """A shell's exit status from Slurm's `status:signal`; None where it has none."""
    status, _, signal = text.partition(":")
    if not status.isdecimal():
        return None
    return 128 + int(signal) if signal.isdecimal() and int(signal) else int(status)
