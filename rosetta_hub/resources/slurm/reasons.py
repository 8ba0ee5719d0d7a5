"""Why a job waits, in messages (codes of squeue(1), "JOB REASON CODES", and of Slurm's source)."""

import re

from rosetta_hub.resources.inventory import Partition
from rosetta_hub.resources.wms import Job, JobRequest

# Squeue adds details to some codes: `ReqNodeNotAvail, UnavailableNodes:node[1-3]`.
_CODE = re.compile(r"[A-Za-z]+")
_MESSAGES = {
    "": "Waits in {partition}; the scheduler has not looked at it yet.",
    "Priority": "Waits for its turn in {partition}: others come first.",
    "Dependency": "Waits for another job to end.",
    "DependencyNeverSatisfied": "Will not start: the job that it waits for has failed. Stop it.",
    "JobHeldUser": "Held. Release it on the cluster with `scontrol release {id}`, or stop it.",
    "JobHeldAdmin": "Held by the administrators of the cluster. Ask them to release it.",
    "JobHoldMaxRequeue": "Held: it failed to start too often. Ask the administrators of the"
    " cluster, or stop it and start another one.",
    "JobLaunchFailure": "Held: the cluster could not start it. Ask its administrators, or stop it"
    " and start another one.",
    "BeginTime": "Waits for its start time: it was put back into the queue, or is not due yet.",
    "Cleaning": "Waits until the cluster has cleaned up after its last start.",
    "Prolog": "The node is being prepared.",
    "PartitionDown": "Waits because {partition} is closed at present.",
    "PartitionInactive": "Waits because {partition} is closed at present.",
    "PartitionTimeLimit": "Will not start: {partition} does not allow that much time. Stop it and"
    " ask for less.",
    "PartitionNodeLimit": "Will not start: {partition} does not have or allow what was asked for,"
    " or its nodes are down. Stop it and ask for less, or choose another partition.",
    "PartitionConfig": "Will not start: {partition} does not allow what was asked for. Stop it and"
    " choose another partition.",
    "BadConstraints": "Will not start: no node has all that was asked for. Stop it and ask for"
    " less.",
    "ReqNodeNotAvail": "Waits because the nodes that it could run on are down, or reserved for"
    " maintenance or others.",
    "NodeDown": "Waits because a node that it needs is down.",
    "FrontEndDown": "Waits because the cluster's front end is down.",
    "Reservation": "Waits for the reservation{reservation} to begin.",
    "ReservationDeleted": "Held: the reservation{reservation} was deleted. Stop it.",
    "ReservationInvalid": "Will not start: the reservation{reservation} can't be used. Stop it.",
    "Licenses": "Waits for a free licence.",
    "InvalidAccount": "Will not start: {account} can't be used any more. Stop it and choose another"
    " account.",
    "AccountNotAllowed": "Will not start: {account} may not use {partition}. Stop it and choose"
    " another account.",
    "InvalidQOS": "Will not start: {qos} can't be used any more. Stop it and choose another QoS.",
    "QOSNotAllowed": "Will not start: {qos} may not be used in {partition}. Stop it and choose"
    " another QoS.",
    "QOSUsageThreshold": "Waits because {account} has used up what {qos} gives it.",
    "MaxMemPerLimit": "Will not start: {partition} does not allow that much memory. Stop it and ask"
    " for less.",
    "AccountingPolicy": "Waits because a limit of {account} or of {qos} is reached.",
    "SystemFailure": "Waits because of a fault of the cluster.",
    "SchedDefer": "Waits in {partition}; the scheduler has not looked at it yet.",
    "FedJobLock": "Waits until the clusters have agreed where it runs.",
    "BurstBufferResources": "Waits for space in the burst buffer.",
    "BurstBufferStageIn": "Waits for its data to be copied into the burst buffer.",
}
# Codes of limits are made of parts: whose limit, what it counts, over how many.
_BALANCE = re.compile(r"^(Assoc|QOS)Grp\w*Minutes(?:Limit)?$")
_LIMIT = re.compile(
    r"^(Assoc|QOS|Association)?(Grp|Max|Min|Job|Resource|Time)(\w*?)"
    r"(PerUser|PerJob|PerNode|PerAccount|PerAcct)?(Limit|NotSatisfied)?$"
)
_WHAT = {
    "cpu": "cores",
    "gres": "GPUs",
    "job": "jobs at a time",
    "mem": "memory",
    "node": "nodes",
    "submit": "jobs",
    "wall": "time",
}
_STATES = {
    "CONFIGURING": "The node is being prepared.",
    "POWER_UP_NODE": "The node is being switched on.",
    "REQUEUE_HOLD": "Held after it was put back into the queue. Release it on the cluster with"
    " `scontrol release {id}`, or stop it.",
    "REQUEUED": "Put back into the queue: its node failed, or a more important job took it.",
    "RESV_DEL_HOLD": "Held: the reservation{reservation} was deleted. Stop it.",
    "SPECIAL_EXIT": "Held after its last run. Ask the administrators of the cluster, or stop it.",
}


def waiting_message(job: Job, request: JobRequest, partition: Partition | None = None) -> str:
    """Why a job waits, and what to do where something is to be done.

    `partition`: what is known of the one it waits in. No time is in it: see `Job.expected_start`.
    """
    names = _names(job, request)
    if job.scheduler_state in _STATES:
        return _STATES[job.scheduler_state].format_map(names)
    if "requeued in held" in job.reason:
        return _STATES["REQUEUE_HOLD"].format_map(names)
    if "launch failed" in job.reason:
        return _MESSAGES["JobLaunchFailure"].format_map(names)
    match = _CODE.search(job.reason)
    code = match[0] if match else ""
    if code == "Resources":
        return _resources(names["partition"], request, partition)
    if code in _MESSAGES:
        return _MESSAGES[code].format_map(names)
    return _limit(code, names) or f"Waits in {names['partition']} (Slurm: {job.reason})."


def _names(job: Job, request: JobRequest) -> dict[str, str]:
    partition = job.partition or request.partition
    return {
        "id": job.id,
        "partition": f"`{partition}`" if partition else "the queue",
        "account": f"the account `{request.account}`" if request.account else "your account",
        "qos": f"the QoS `{request.qos}`" if request.qos else "its QoS",
        "reservation": f" `{request.reservation}`" if request.reservation else "",
    }


def _resources(where: str, request: JobRequest, partition: Partition | None) -> str:
    needs = []
    if request.gpus:
        kind = f" ({request.gpu_type})" if request.gpu_type else ""
        needs.append(f"{_count(request.gpus, 'free GPU')}{kind}")
    if request.cpus:
        needs.append(_count(request.cpus, "free core"))
    message = f"Waits for {' and '.join(needs) or 'free nodes'} in {where}"
    if partition is None or not partition.cpus_total:
        return f"{message}."
    return f"{message}; of {partition.cpus_total} cores there, {partition.cpus_idle} are free."


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number > 1 else "")


def _limit(code: str, names: dict[str, str]) -> str | None:
    """The message for a limit of an association or a QoS, by the parts of its code."""
    balance = _BALANCE.match(code)
    if balance and "Run" not in code:
        whose = names["account"] if balance[1] == "Assoc" else names["qos"]
        return f"Waits because {whose} has no balance left: what it may use is used up."
    match = _LIMIT.match(code)
    if match is None:
        return None
    whose = names["account"] if (match[1] or "Assoc").startswith("Assoc") else names["qos"]
    what = next((text for key, text in _WHAT.items() if match[3].lower().startswith(key)), "")
    if match[2] == "Min":
        return f"Will not start: {whose} is for tasks that ask for more {what}".rstrip() + "."
    if match[2] == "Grp" or match[4] in ("PerUser", "PerAccount", "PerAcct") or "jobs" in what:
        of = f" of {what}" if what else ""
        return f"Waits because the limit{of} of {whose} is reached: others have to end first."
    if match[2] == "Max":
        more = f"more {what}" if what else "more"
        return f"Will not start: it asks for {more} than {whose} allows. Stop it and ask for less."
    return f"Waits because a limit of {whose} is reached."
