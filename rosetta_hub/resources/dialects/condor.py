"""HTCondor."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rosetta_hub.resources.dialects.dialect import Dialect, unreadable
from rosetta_hub.resources.dialects.templates import classify, query_words, submit_words
from rosetta_hub.resources.wms import Cause, Job, JobEnd, JobRequest, JobState

# What batchspawner's patterns leave out: the job ClassAd attribute JobStatus.
STATES = {
    "3": JobState.ENDED,
    "4": JobState.ENDED,
    "5": JobState.PENDING,
    "6": JobState.RUNNING,
    "7": JobState.RUNNING,
}
WORDS = {
    "1": "Idle",
    "2": "Running",
    "3": "Removed",
    "4": "Completed",
    "5": "Held",
    "6": "TransferringOutput",
    "7": "Suspended",
}
# The job ClassAd attribute HoldReasonCode.
HOLD_CAUSES: dict[int, Cause] = {34: "out_of_memory", 46: "time_limit", 47: "time_limit"}
ATTRIBUTES = (
    "ClusterId,ProcId,JobBatchName,Owner,JobStatus,HoldReason,HoldReasonCode,LastHoldReasonCode,"
    "RemoteHost,LastRemoteHost,JobCurrentStartDate,AllowedExecuteDuration,ExitCode,RemoveReason,"
    "LastVacateTime,NumJobStarts"
)
Ad = dict[str, Any]


class Condor(Dialect):
    """condor_submit, condor_q, condor_history, condor_rm.

    The submit description travels on standard input. The script itself is written into a file
    that only the account can read, below the directory in which commands start (the home), and
    removed after the job's end: a description has no place for a script but the arguments, which
    everybody can read in the queue. The schedd reads the file when the job starts, so this is for
    the machine of the schedd.
    """

    name = "HTCondor"
    spawner = "CondorSpawner"
    no_answer = re.compile(
        r"Failed to connect|Can't find address|Failed to fetch ads|SECMAN|timed out|CEDAR"
        r"|Unable to locate|Can't connect|Couldn't contact|condor_schedd .* not running",
        re.IGNORECASE,
    )
    no_job = re.compile(r"Couldn't find/remove|not found|No jobs? match", re.IGNORECASE)
    refuses = frozenset({"partition", "qos", "gpu_type", "reservation"})
    script_directory: str | None = ".rosetta-hub/jobs"

    def build_submit_command(self, request: JobRequest) -> list[str]:
        """`-`: the description is on standard input; the administrator's options are its lines."""
        return [*submit_words(self.spawner), "-"]

    def build_options(self, request: JobRequest) -> list[str]:
        """None: they are in the description."""
        return []

    def build_submit_input(self, request: JobRequest, script: str) -> str:
        """The submit description of a job that starts once, and is not kept when it is over."""
        lines = {
            "universe": "vanilla",
            "executable": f"{self.script_directory}/{request.name}",
            "transfer_executable": "true",
            "should_transfer_files": "if_needed",
            "batch_name": request.name,
            "request_cpus": str(request.cpus or 1),
            "request_memory": f"{-(-request.memory >> 20)}MB" if request.memory else None,
            "request_gpus": str(request.gpus) if request.gpus else None,
            "requirements": f"({request.constraint})" if request.constraint else None,
            "accounting_group": request.account,
            "allowed_execute_duration": str(request.time_limit) if request.time_limit else None,
            # Evicted, or held after its start (a limit): it would start again with the same order.
            "periodic_remove": "NumJobStarts > 0 && (JobStatus == 1 || JobStatus == 5)",
            "log": "/dev/null",
        }
        text = [f"{key} = {value}" for key, value in lines.items() if value is not None]
        return "\n".join([*text, *request.extra, "queue", ""])

    def build_jobs_command(self, users: Sequence[str]) -> list[str]:
        """The jobs of these users."""
        owners = " || ".join(f'Owner == "{user}"' for user in users)
        command = query_words(self.spawner, None)[0]
        return [command, "-allusers", "-constraint", owners, "-json", "-attributes", ATTRIBUTES]

    def build_history_command(self, name: str, user: str) -> list[str] | None:
        """Jobs of that name that have left the queue."""
        where = f'JobBatchName == "{name}" && Owner == "{user}"'
        limit = ["-limit", "5"]
        return ["condor_history", "-constraint", where, *limit, "-json", "-attributes", ATTRIBUTES]

    def build_end_command(self, job_id: str) -> list[str]:
        """The job after it has left the queue."""
        return ["condor_history", job_id, "-limit", "1", "-json", "-attributes", ATTRIBUTES]

    def build_version_command(self) -> list[str]:
        """Version and platform."""
        return ["condor_version"]

    def parse_job_id(self, text: str) -> str:
        """`1 job(s) submitted to cluster 418.`"""
        match = re.search(r"submitted to cluster (\d+)", text)
        return match[1] if match else ""

    def parse_jobs(self, text: str, now: datetime) -> list[Job]:
        """The ads of condor_q; no job at all is an empty text or an empty list."""
        return [_job(ad) for ad in _ads(text)]

    def parse_history(self, text: str) -> list[Job]:
        """The ads of condor_history."""
        return [_job(ad, ended=True) for ad in _ads(text)]

    def parse_end(self, text: str, job_id: str) -> JobEnd | None:
        """From the ad that the schedd keeps."""
        for ad in _ads(text):
            if str(ad.get("ClusterId")) == job_id:
                job = _job(ad, ended=True)
                code = ad.get("ExitCode")
                number = code if isinstance(code, int) else None
                return JobEnd(_cause(ad), job.scheduler_state, number, job.node, _by(ad))
        return None

    def parse_name(self, text: str, job_id: str) -> str:
        """The batch name."""
        names = [ad.get("JobBatchName") for ad in _ads(text) if str(ad.get("ClusterId")) == job_id]
        return str(names[0] or "") if names else ""


def _ads(text: str) -> list[Ad]:
    if not text.strip():
        return []
    try:
        ads = json.loads(text)
    except ValueError as error:
        raise unreadable("HTCondor", text) from error
    if not isinstance(ads, list) or not all(isinstance(ad, dict) for ad in ads):
        raise unreadable("HTCondor", text)
    return ads


def _job(ad: Ad, ended: bool = False) -> Job:
    number = str(ad.get("JobStatus", ""))
    state = classify("CondorSpawner", f"{number}, ") or STATES.get(number)
    state = JobState.ENDED if ended else state
    if state is None or "ClusterId" not in ad:
        raise unreadable("HTCondor", str(ad))
    host = str(ad.get("RemoteHost") or ad.get("LastRemoteHost") or "")
    return Job(
        id=str(ad["ClusterId"]),
        name=str(ad.get("JobBatchName") or ""),
        user=str(ad.get("Owner", "")),
        state=state,
        scheduler_state=WORDS.get(number, number),
        reason=_reason(ad, number) if state is JobState.PENDING else "",
        node=host.rpartition("@")[2] or None,
        ends_at=_ends(ad) if state is JobState.RUNNING else None,
    )


def _reason(ad: Ad, number: str) -> str:
    return str(ad.get("HoldReason") or "JobHeld") if number == "5" else "Priority"


def _ends(ad: Ad) -> datetime | None:
    start, limit = ad.get("JobCurrentStartDate"), ad.get("AllowedExecuteDuration")
    if not isinstance(start, int) or not isinstance(limit, int):
        return None
    return datetime.fromtimestamp(start, UTC) + timedelta(seconds=limit)


def _by(ad: Ad) -> str | None:
    match = re.search(r"condor_rm \(by user ([^)@\s]+)", str(ad.get("RemoveReason", "")))
    return match[1] if match else None


def _cause(ad: Ad) -> Cause:
    if str(ad.get("JobStatus")) != "3":
        return "exited"
    for key in ("HoldReasonCode", "LastHoldReasonCode"):
        if ad.get(key) in HOLD_CAUSES:
            return HOLD_CAUSES[ad[key]]
    if _by(ad) or "condor_rm" in str(ad.get("RemoveReason", "")):
        return "cancelled"
    if ad.get("LastVacateTime"):
        return "preempted"
    return "node_failure" if ad.get("NumJobStarts") else "unknown"
