"""Moab, in front of Torque."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from rosetta_hub.resources.dialects.dialect import Dialect, parse_clock, unreadable
from rosetta_hub.resources.dialects.templates import classify, query_words
from rosetta_hub.resources.dialects.torque import Torque, end_of
from rosetta_hub.resources.inventory import Partition
from rosetta_hub.resources.wms import Cause, Job, JobEnd, JobRequest, JobState

# What batchspawner's patterns leave out ("Job states" of the administrator's guide).
STATES = {
    "Hold": JobState.PENDING,
    "UserHold": JobState.PENDING,
    "SystemHold": JobState.PENDING,
    "BatchHold": JobState.PENDING,
    "Blocked": JobState.PENDING,
    "Deferred": JobState.PENDING,
    "Migrated": JobState.PENDING,
    "NotQueued": JobState.PENDING,
    "Staging": JobState.PENDING,
    "Staged": JobState.PENDING,
    "Starting": JobState.RUNNING,
    "Suspended": JobState.RUNNING,
    "Completed": JobState.ENDED,
    "Removed": JobState.ENDED,
    "Vacated": JobState.ENDED,
    "Rejected": JobState.ENDED,
}
CAUSES: dict[int, Cause] = {-10: "out_of_memory", -11: "time_limit"}


class Moab(Dialect):
    """msub, mdiag, showq, mjobctl."""

    name = "Moab"
    spawner = "MoabSpawner"
    no_answer = re.compile(
        r"cannot connect|unable to connect|lost connection|communication error|timed out"
        r"|cannot receive|Connection refused|server is (?:down|not responding)",
        re.IGNORECASE,
    )
    no_job = re.compile(
        r"invalid job specified|cannot locate job|no such job|job .* not found|does not exist",
        re.IGNORECASE,
    )

    def build_options(self, request: JobRequest) -> list[str]:
        """Options of msub, which are those of Torque's qsub."""
        return Torque().build_options(request)

    def build_jobs_command(self, users: Sequence[str]) -> list[str]:
        """All jobs: mdiag can't be told users."""
        return query_words(self.spawner, None)

    def build_history_command(self, name: str, user: str) -> list[str] | None:
        """The jobs that have ended (`JOBCPURGETIME` of the server)."""
        return ["showq", "-c", "--xml", "-u", user]

    def build_end_command(self, job_id: str) -> list[str]:
        """The jobs that have ended: mdiag knows only those of the queue."""
        return ["showq", "-c", "--xml"]

    def build_version_command(self) -> list[str]:
        """Version of the client."""
        return ["showq", "--version"]

    def parse_job_id(self, text: str) -> str:
        """The last line, after an empty one: `Moab.12` or `12`."""
        lines = text.strip().splitlines() or [""]
        return lines[-1].strip() if re.fullmatch(r"\s*[\w.-]+\s*", lines[-1]) else ""

    def parse_jobs(self, text: str, now: datetime) -> list[Job]:
        """The jobs of mdiag."""
        return [_job(element) for element in _elements(text) if element.get("RM") != "internal"]

    def parse_history(self, text: str) -> list[Job]:
        """The jobs of `showq -c`."""
        return [_job(element, ended=True) for element in _elements(text)]

    def parse_end(self, text: str, job_id: str) -> JobEnd | None:
        """From the completion code: a number, or `CNCLD(271)`."""
        for element in _elements(text):
            if job_id in (element.get("JobID"), element.get("GJID"), element.get("DRMJID")):
                code = element.get("CompletionCode", "")
                number = re.search(r"-?\d+", code)
                used = parse_clock(element.get("AWDuration", "").partition(".")[0])
                limit = parse_clock(element.get("ReqAWDuration", ""))
                job = _job(element, ended=True)
                return end_of(job, number[0] if number else "", used, limit, CAUSES)
        return None

    def parse_queues(self, text: str) -> tuple[Partition, ...]:
        """None: `build_queues_command` has no command."""
        return ()


def _elements(text: str) -> list[ET.Element]:
    try:
        root = ET.fromstring(text)  # noqa: S314 - the answer of the scheduler's own command
    except ET.ParseError as error:
        raise unreadable("Moab", text) from error
    if root.tag != "Data":
        raise unreadable("Moab", text)
    return list(root.iter("job"))


def _job(element: ET.Element, ended: bool = False) -> Job:
    word = element.get("State", "")
    state = classify("MoabSpawner", f'State="{word}"') or STATES.get(word)
    state = JobState.ENDED if ended else state
    if state is None:
        raise unreadable("Moab", ET.tostring(element, "unicode"))
    request = element.find("req")
    nodes = element.get("MasterHost") or ("" if request is None else request.get("AllocNodeList"))
    hold = f"{element.get('Hold')}Hold" if element.get("Hold") else ""
    return Job(
        id=element.get("JobID", ""),
        name=element.get("JobName", ""),
        user=element.get("User", ""),
        state=state,
        scheduler_state=word,
        reason=_reason(element, hold or word) if state is JobState.PENDING else "",
        partition=element.get("Class", ""),
        node=re.split(r"[:,]", nodes or "")[0] or None,
        ends_at=_ends(element) if state is JobState.RUNNING else None,
    )


def _reason(element: ET.Element, word: str) -> str:
    return element.get("BlockReason") or ("Priority" if word == "Idle" else word)


def _ends(element: ET.Element) -> datetime | None:
    start, limit = element.get("StartTime", ""), parse_clock(element.get("ReqAWDuration", ""))
    if not start.isdecimal() or int(start) == 0 or not limit:
        return None
    return datetime.fromtimestamp(int(start), UTC) + timedelta(seconds=limit)
