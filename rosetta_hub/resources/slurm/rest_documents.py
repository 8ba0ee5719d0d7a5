"""Documents of slurmrestd, v0.0.40 to v0.0.42: what is sent, and what is read.

The three versions have the same names and shapes for all that is used here. What can't be read
raises `ValueError`, `KeyError`, `TypeError` or `AttributeError`.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from rosetta_hub.resources.inventory import Qos, SchedulerAccount
from rosetta_hub.resources.slurm.commands import (
    TERM_BEFORE_END,
    TERM_SIGNAL,
    format_gres,
    term_before_end,
)
from rosetta_hub.resources.slurm.inventory import (
    OUT_OF_USE,
    Nodes,
    PartitionLimits,
    least,
    parse_gpus,
)
from rosetta_hub.resources.slurm.parse import first_node
from rosetta_hub.resources.slurm.states import end_cause, job_state
from rosetta_hub.resources.wms import Job, JobEnd, JobRequest, JobState

Document = Mapping[str, Any]

_MEBIBYTE = 1 << 20
# Slurm takes no job without an environment; the agent finds out the rest by itself.
_ENVIRONMENT = ("PATH=/usr/local/bin:/usr/bin:/bin",)
# Flags next to the state proper that say more than it does.
_TELLING = ("COMPLETING", "CONFIGURING", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD")


def build_submission(request: JobRequest, script: str) -> dict[str, Any]:
    """The body of `job/submit`: the same job as that of `build_submit_command`."""
    job: dict[str, Any] = {
        "name": request.name,
        "script": script,
        "environment": list(_ENVIRONMENT),
        "current_working_directory": "/",
        "standard_output": "/dev/null",
        "standard_error": "/dev/null",
        "kill_warning_signal": TERM_SIGNAL,
        "kill_warning_flags": ["BATCH_JOB"],
        "kill_warning_delay": _number(term_before_end(request.time_limit)),
        "requeue": True,
        "minimum_nodes": 1,
        "maximum_nodes": 1,
        "tasks": 1,
    }
    values = {
        "cpus_per_task": request.cpus,
        "memory_per_node": _number(-(-request.memory // _MEBIBYTE)) if request.memory else None,
        "time_limit": _number(-(-request.time_limit // 60)) if request.time_limit else None,
        "partition": request.partition,
        "account": request.account,
        "qos": request.qos,
        "tres_per_node": f"gres/{gres}" if (gres := format_gres(request)) else None,
        "constraints": request.constraint,
        "reservation": request.reservation,
    }
    return {"job": {**job, **{name: value for name, value in values.items() if value is not None}}}


def _number(value: int) -> dict[str, Any]:
    return {"set": True, "infinite": False, "number": value}


def number(document: Any) -> int | None:
    """A number of Slurm's own kind; None where it is not set, or without limit."""
    if isinstance(document, int):
        return document
    if not document or document["infinite"] or not document["set"]:
        return None
    return int(document["number"])


def read_job_id(answer: Document) -> str:
    """The id of the job that was submitted."""
    job_id = answer["job_id"]
    if not isinstance(job_id, int) or job_id <= 0:
        raise ValueError("slurmrestd answered without the id of a job")
    return str(job_id)


def read_jobs(answer: Document) -> list[Job]:
    """All jobs that the controller knows, those that ended minutes ago included."""
    return [_job(job) for job in answer["jobs"]]


def _job(job: Document) -> Job:
    node = job["batch_host"] or first_node(job["nodes"] or "")
    word = _state(job["job_state"])
    state = job_state(word, on_a_node=bool(node))
    reason = job["state_reason"] or ""
    waits = state is JobState.PENDING
    is_held = "held" in reason.lower()
    return Job(
        id=str(job["job_id"]),
        name=job["name"],
        # The number where the cluster has no name for the account, perhaps just now.
        user=job["user_name"] or str(job["user_id"]),
        state=state,
        scheduler_state=word,
        reason=reason if waits and reason != "None" else "",
        partition=job["partition"] or "",
        node=node or None,
        expected_start=_time(job["start_time"]) if waits and not is_held else None,
        ends_at=_time(job["end_time"]) if state is JobState.RUNNING else None,
    )


def _state(words: list[str]) -> str:
    """The word that says most: the state proper comes first, its flags follow."""
    return next((word for word in _TELLING if word in words), words[0])


def _time(document: Any) -> datetime | None:
    seconds = number(document)
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def read_accounted_jobs(answer: Document) -> list[Job]:
    """Jobs of the accounting."""
    return [_accounted_job(job) for job in answer["jobs"]]


def _accounted_job(job: Document) -> Job:
    word = _state(job["state"]["current"])
    node = first_node(job["nodes"] or "")
    return Job(
        id=str(job["job_id"]),
        name=job["name"],
        user=job["user"],
        state=job_state(word, on_a_node=node is not None),
        scheduler_state=word,
        partition=job["partition"] or "",
        node=node,
    )


def read_end(answer: Document) -> JobEnd | None:
    """How a job ended, from controller (`slurm`) or accounting (`slurmdb`); None: it has not."""
    for job in answer["jobs"]:
        word = _state(job["job_state"] if "job_state" in job else job["state"]["current"])
        cause = end_cause(word)
        if cause is None:
            return None
        if cause == "exited" and _was_at_limit(job):
            cause = "time_limit"
        by = job.get("kill_request_user") or None
        return JobEnd(
            cause=cause,
            scheduler_state=word,
            exit_code=_exit_code(job["exit_code"]),
            node=first_node(job["nodes"] or ""),
            by=by if cause == "cancelled" else None,
        )
    return None


def _was_at_limit(job: Document) -> bool:
    """See `parse_shown_job`; the accounting has its times in a part of their own."""
    if "time" in job:
        limit, ran = number(job["time"].get("limit")), number(job["time"].get("elapsed"))
    else:
        limit = number(job.get("time_limit"))
        start, end = number(job.get("start_time")), number(job.get("end_time"))
        ran = end - start if start and end else None
    return limit is not None and ran is not None and 60 * limit - ran <= 2 * TERM_BEFORE_END


def _exit_code(document: Document) -> int | None:
    signal = number(document["signal"]["id"])
    return 128 + signal if signal else number(document["return_code"])


def read_cluster(answer: Document) -> str:
    """The name of the cluster that answered."""
    return str(answer["meta"]["slurm"]["cluster"])


def read_partitions(answer: Document) -> list[PartitionLimits]:
    """The partitions; which one is the default is not told."""
    return [_limits(partition) for partition in answer["partitions"]]


def _limits(partition: Document) -> PartitionLimits:
    most = partition["maximums"]
    minutes = number(most["time"])
    memory = number(most["partition_memory_per_node"])
    return PartitionLimits(
        name=partition["name"],
        state=partition["partition"]["state"][0].lower(),
        default=False,
        max_time=minutes * 60 if minutes else None,
        max_cpus_per_node=number(most["cpus_per_node"]),
        max_memory_per_node=memory * _MEBIBYTE if memory else None,
        allow_accounts=_names(partition["accounts"]["allowed"]) or None,
        deny_accounts=_names(partition["accounts"]["deny"]),
        allow_qos=_names(partition["qos"]["allowed"]) or None,
        deny_qos=_names(partition["qos"]["deny"]),
        qos=partition["qos"]["assigned"] or None,
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def read_nodes(answer: Document) -> list[Nodes]:
    """Each node, in each of its partitions."""
    return [_node(node, name) for node in answer["nodes"] for name in node["partitions"]]


def _node(node: Document, partition: str) -> Nodes:
    states = [word.lower() for word in node["state"]]
    # A flag such as DRAIN takes an idle node out of use.
    out = next((word for word in states[1:] if word.startswith(OUT_OF_USE)), None)
    return Nodes(
        partition=partition,
        state=out or states[0],
        count=1,
        cpus=node["cpus"],
        cpus_idle=0 if out else node["alloc_idle_cpus"],
        memory=node["real_memory"] * _MEBIBYTE,
        gpus=parse_gpus(node["gres"]),
        gpus_used=parse_gpus(node["gres_used"]),
        features=tuple(node["features"]),
    )


def read_accounts(answer: Document, user: str, cluster: str) -> tuple[SchedulerAccount, ...]:
    """The accounts of a user on this cluster."""
    accounts: dict[str, SchedulerAccount] = {}
    for association in _associations(answer, cluster):
        if association["user"] != user:
            continue
        name = association["account"]
        qos = {*(accounts[name].qos if name in accounts else ()), *association["qos"]}
        accounts[name] = SchedulerAccount(
            name=name, default=association["is_default"], qos=tuple(sorted(qos))
        )
    return tuple(accounts.values())


def read_account_tree(answer: Document, cluster: str) -> dict[str, str]:
    """Parents of this cluster's accounts."""
    return {
        association["account"]: association["parent_account"]
        for association in _associations(answer, cluster)
        if not association["user"]
    }


def _associations(answer: Document, cluster: str) -> Iterable[Document]:
    return (
        association for association in answer["associations"] if association["cluster"] == cluster
    )


def read_qos(answer: Document) -> tuple[Qos, ...]:
    """All QoS."""
    return tuple(_qos(qos) for qos in answer["qos"])


def _qos(qos: Document) -> Qos:
    most = qos["limits"]["max"]
    minutes = number(most["wall_clock"]["per"]["job"])
    per = most["tres"]["per"]
    return Qos(
        name=qos["name"],
        max_time=minutes * 60 if minutes else None,
        max_cpus=least(_cpus(per["job"]), _cpus(per["user"])),
    )


def _cpus(tres: Iterable[Document]) -> int | None:
    return next((resource["count"] for resource in tres if resource["type"] == "cpu"), None)
