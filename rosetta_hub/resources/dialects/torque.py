"""Torque."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from rosetta_hub.resources.dialects import pbs_text
from rosetta_hub.resources.dialects.dialect import Dialect, parse_clock, unreadable
from rosetta_hub.resources.dialects.templates import classify, query_words
from rosetta_hub.resources.inventory import Partition
from rosetta_hub.resources.wms import Cause, Job, JobEnd, JobRequest, JobState

# What batchspawner's patterns leave out: https://docs.adaptivecomputing.com/torque, qstat(1).
STATES = {
    "W": JobState.PENDING,
    "T": JobState.PENDING,
    "S": JobState.RUNNING,
    "E": JobState.RUNNING,
    "C": JobState.ENDED,
}
REASONS = {"H": "JobHeld", "W": "BeginTime", "T": "Moving"}
# "TORQUE supplied exit codes" of the administrator's guide.
CAUSES: dict[int, Cause] = {-10: "out_of_memory", -11: "time_limit", -4: "node_failure"}
# Killed by a signal: 256 + SIGTERM or SIGKILL. That is what qdel does.
KILLED = (256 + 15, 256 + 9)


class Torque(Dialect):
    """qsub, qstat, qdel."""

    name = "Torque"
    spawner = "TorqueSpawner"
    no_answer = re.compile(
        r"cannot connect to server|Connection refused|Communication failure|timed out|pbs_iff"
        r"|End of File|Invalid credential|Premature end|Unable to communicate|errno=",
        re.IGNORECASE,
    )
    no_job = re.compile(r"Unknown Job Id|invalid state for job|job has finished", re.IGNORECASE)

    def build_options(self, request: JobRequest) -> list[str]:
        """Options of qsub; the scheduler's words for accounts and reservations are Moab's."""
        chunk = f"nodes=1:ppn={request.cpus or 1}"
        chunk += f":gpus={request.gpus}" if request.gpus else ""
        chunk += f":{request.gpu_type}" if request.gpu_type else ""
        chunk += f":{request.constraint}" if request.constraint else ""
        limits = {
            "mem": f"{request.memory}b" if request.memory else None,
            "walltime": str(request.time_limit) if request.time_limit else None,
            "qos": request.qos,
            "advres": request.reservation,
        }
        options = [*build_common_options(request), "-l", chunk]
        for key, value in limits.items():
            options += ["-l", f"{key}={value}"] if value else []
        return options

    def build_jobs_command(self, users: Sequence[str]) -> list[str]:
        """All jobs, those that have just ended included: the XML form can't be told users."""
        return query_words(self.spawner, None)

    def build_end_command(self, job_id: str) -> list[str]:
        """The job as it is kept after its end (`keep_completed` of the server)."""
        return query_words(self.spawner, job_id)

    def build_version_command(self) -> list[str]:
        """Version of the client."""
        return ["qstat", "--version"]

    def build_queues_command(self) -> list[str] | None:
        """All queues with their limits."""
        return ["qstat", "-Q", "-f"]

    def parse_job_id(self, text: str) -> str:
        """The last line: `12.server`."""
        return parse_pbs_id(text)

    def parse_jobs(self, text: str, now: datetime) -> list[Job]:
        """The jobs of the XML form; no job at all is an empty text."""
        return [_job(element) for element in _elements(text)]

    def parse_end(self, text: str, job_id: str) -> JobEnd | None:
        """From exit status, walltime used and asked for."""
        for element in _elements(text):
            job = _job(element)
            if job.id == job_id and job.state is JobState.ENDED:
                status = element.findtext("exit_status", "")
                used = parse_clock(element.findtext("resources_used/walltime", ""))
                limit = parse_clock(element.findtext("Resource_List/walltime", ""))
                return end_of(job, status, used, limit, CAUSES)
        return None

    def parse_queues(self, text: str) -> tuple[Partition, ...]:
        """See `pbs_text.parse_queues`."""
        return pbs_text.parse_queues(text)


def build_common_options(request: JobRequest) -> list[str]:
    """Options that Torque and PBS share. `-C ''`: lines of the script are no options."""
    options = ["-N", request.name, "-C", "", "-j", "oe", "-o", "/dev/null", "-r", "n"]
    options += ["-q", request.partition] if request.partition else []
    return options + (["-A", request.account] if request.account else [])


def parse_pbs_id(text: str) -> str:
    """The id that qsub prints, e.g. `12.server`; empty when the text has none."""
    lines = text.strip().splitlines() or [""]
    match = re.fullmatch(r"\s*(\d+(?:\.[\w.-]+)?)\s*", lines[-1])
    return match[1] if match else ""


def end_of(
    job: Job, status: str, used: int | None, limit: int | None, causes: dict[int, Cause]
) -> JobEnd:
    """Why a job is over. A job killed by a signal after its whole time was killed for that."""
    code = int(status) if re.fullmatch(r"-?\d+", status) else None
    cause: Cause = "exited"
    if code is None:
        cause = "cancelled" if used is None else "unknown"
    elif code in causes:
        cause = causes[code]
    elif code in KILLED:
        timed_out = used is not None and limit is not None and used >= limit
        cause = "time_limit" if timed_out else "cancelled"
    elif code < 0:
        cause = "unknown"
    return JobEnd(cause, job.scheduler_state, code, job.node)


def _elements(text: str) -> list[ET.Element]:
    if not text.strip():
        return []
    try:
        root = ET.fromstring(text)  # noqa: S314 - the answer of the scheduler's own command
    except ET.ParseError as error:
        raise unreadable("qstat", text) from error
    if root.tag != "Data":
        raise unreadable("qstat", text)
    return root.findall("Job")


def _job(element: ET.Element) -> Job:
    letter = element.findtext("job_state", "")
    state = classify("TorqueSpawner", f"<job_state>{letter}</job_state>") or STATES.get(letter)
    job_id = element.findtext("Job_Id", "")
    if state is None or not job_id:
        raise unreadable("qstat", ET.tostring(element, "unicode"))
    start = element.findtext("start_time", "")
    limit = parse_clock(element.findtext("Resource_List/walltime", ""))
    ends = None
    if start.isdecimal() and limit and state is JobState.RUNNING:
        ends = datetime.fromtimestamp(int(start), UTC) + timedelta(seconds=limit)
    return Job(
        id=job_id,
        name=element.findtext("Job_Name", ""),
        user=element.findtext("Job_Owner", "").partition("@")[0],
        state=state,
        scheduler_state=letter,
        reason=REASONS.get(letter, "Priority" if state is JobState.PENDING else ""),
        partition=element.findtext("queue", ""),
        node=element.findtext("exec_host", "").partition("/")[0] or None,
        ends_at=ends,
    )
