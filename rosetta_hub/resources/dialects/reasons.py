"""Why a job waits, in messages, for the schedulers whose reasons are text and not codes."""

from rosetta_hub.resources.wms import Job, JobRequest

# What the dialects say where the scheduler's own words are states or letters; the holds of Moab.
_MESSAGES = {
    "": "Waits for its turn in {queue}.",
    "Priority": "Waits for its turn in {queue}.",
    "BeginTime": "Waits for its start time.",
    "Moving": "Is being moved to another queue.",
    "JobHeld": "Held. Release job {id} on the cluster, or stop the task.",
    "JobError": "Held: the cluster could not start it. Ask its administrators, or stop the task and"
    " start another one.",
    "UserHold": "Held. Release job {id} on the cluster, or stop the task.",
    "SystemHold": "Held by the administrators of the cluster. Ask them to release job {id}.",
    "BatchHold": "Held by the scheduler. Ask the administrators of the cluster to release job"
    " {id}.",
}
# States of schedulers that say why they hold a job.
_HELD = ("Held",)


def waiting_message(job: Job, request: JobRequest) -> str:
    """Why a job waits; a reason in the scheduler's own words is quoted, not interpreted."""
    partition = job.partition or request.partition
    queue = f"`{partition}`" if partition else "the queue"
    if job.reason in _MESSAGES:
        return _MESSAGES[job.reason].format(queue=queue, id=job.id)
    begin = "Held." if job.scheduler_state in _HELD else f"Waits in {queue}."
    return f"{begin} The scheduler says: {job.reason.rstrip('.')}."
