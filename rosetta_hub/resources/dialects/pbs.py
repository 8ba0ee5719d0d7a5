"""PBS Professional and OpenPBS."""

from collections.abc import Sequence
from datetime import datetime

from rosetta_hub.resources.dialects.dialect import parse_clock, unreadable
from rosetta_hub.resources.dialects.pbs_text import Record, parse_records
from rosetta_hub.resources.dialects.templates import classify, query_words
from rosetta_hub.resources.dialects.torque import (
    REASONS,
    STATES,
    Torque,
    build_common_options,
    end_of,
)
from rosetta_hub.resources.wms import Cause, Job, JobEnd, JobRequest, JobState

# Beyond Torque's: qstat(1B). `M`: moved to another server, which this one knows no more about.
PBS_STATES = {
    **STATES,
    "B": JobState.RUNNING,
    "U": JobState.RUNNING,
    "M": JobState.PENDING,
    "F": JobState.ENDED,
    "X": JobState.ENDED,
}
# JOB_EXEC_KILL_* of OpenPBS (src/include/job.h).
CAUSES: dict[int, Cause] = {
    -26: "out_of_memory",
    -27: "out_of_memory",
    -28: "time_limit",
    -29: "time_limit",
}


class Pbs(Torque):
    """qsub with chunks (`select`), qstat in its long text form with history (`-x`)."""

    name = "PBS"
    spawner = "PBSSpawner"
    # Types of GPUs and QoS are resources that each site names itself: `submit_options`.
    refuses = frozenset({"gpu_type", "qos"})

    def build_options(self, request: JobRequest) -> list[str]:
        """Options of qsub; a reservation is a queue of its own here."""
        chunk = f"select=1:ncpus={request.cpus or 1}"
        chunk += f":mem={request.memory}b" if request.memory else ""
        chunk += f":ngpus={request.gpus}" if request.gpus else ""
        chunk += f":{request.constraint}" if request.constraint else ""
        options = [*build_common_options(request), "-l", chunk]
        options += ["-l", f"walltime={request.time_limit}"] if request.time_limit else []
        return options + (["-q", request.reservation] if request.reservation else [])

    def build_jobs_command(self, users: Sequence[str]) -> list[str]:
        """All jobs of the queue: the long form can't be told users."""
        return ["qstat", "-f"]

    def build_history_command(self, name: str, user: str) -> list[str] | None:
        """The queue and what has ended (`job_history_enable` of the server)."""
        return query_words(self.spawner, None)

    def parse_jobs(self, text: str, now: datetime) -> list[Job]:
        """The jobs of the long text form; no job at all is an empty text."""
        return [_job(job_id, record) for job_id, record in parse_records(text, "Job Id: ").items()]

    def parse_history(self, text: str) -> list[Job]:
        """Those that have ended."""
        jobs = [_job(job_id, record) for job_id, record in parse_records(text, "Job Id: ").items()]
        return [job for job in jobs if job.state is JobState.ENDED]

    def parse_end(self, text: str, job_id: str) -> JobEnd | None:
        """From exit status, times and comment."""
        record = parse_records(text, "Job Id: ").get(job_id)
        if record is None or _job(job_id, record).state is not JobState.ENDED:
            return None
        return end_of(
            _job(job_id, record),
            record.get("Exit_status", ""),
            parse_clock(record.get("resources_used.walltime", "")),
            parse_clock(record.get("Resource_List.walltime", "")),
            CAUSES,
        )


def _job(job_id: str, record: Record) -> Job:
    letter = record.get("job_state", "")
    state = classify("PBSSpawner", f"job_state = {letter}") or PBS_STATES.get(letter)
    if state is None:
        raise unreadable("qstat", str(record))
    waits = state is JobState.PENDING
    return Job(
        id=job_id,
        name=record.get("Job_Name", ""),
        user=record.get("Job_Owner", "").partition("@")[0],
        state=state,
        scheduler_state=letter,
        reason=_reason(letter, record.get("comment", "")) if waits else "",
        partition=record.get("queue", ""),
        node=record.get("exec_host", "").partition("/")[0] or None,
    )


def _reason(letter: str, comment: str) -> str:
    """PBS explains itself: `Not Running: Insufficient amount of resource: ncpus`."""
    return REASONS.get(letter) or comment.removeprefix("Not Running: ").strip() or "Priority"
