"""IBM Spectrum LSF, 10.1 and newer (bjobs -json)."""

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rosetta_hub.resources.dialects.dialect import Dialect, parse_clock, unreadable, wrap_for_shell
from rosetta_hub.resources.dialects.templates import query_words
from rosetta_hub.resources.inventory import Partition
from rosetta_hub.resources.wms import Cause, Job, JobEnd, JobRequest, JobState

# batchspawner has PEND, RUN and a "PUSP" that LSF does not know. bjobs(1), "STAT".
STATES = {
    "PEND": JobState.PENDING,
    "PSUSP": JobState.PENDING,
    "FWD_PEND": JobState.PENDING,
    "WAIT": JobState.PENDING,
    "PROV": JobState.PENDING,
    "RUN": JobState.RUNNING,
    "USUSP": JobState.RUNNING,
    "SSUSP": JobState.RUNNING,
    "UNKWN": JobState.RUNNING,
    "DONE": JobState.ENDED,
    "EXIT": JobState.ENDED,
    "ZOMBI": JobState.ENDED,
}
# "Termination reasons displayed by bacct, bhist, and bjobs", IBM Spectrum LSF 10.1.
CAUSES: dict[str, Cause] = {
    "TERM_RUNLIMIT": "time_limit",
    "TERM_CPULIMIT": "time_limit",
    "TERM_DEADLINE": "time_limit",
    "TERM_WINDOW": "time_limit",
    "TERM_MEMLIMIT": "out_of_memory",
    "TERM_SWAP": "out_of_memory",
    "TERM_PREEMPT": "preempted",
    "TERM_LOAD": "preempted",
    "TERM_OWNER": "cancelled",
    "TERM_FORCE_OWNER": "cancelled",
    "TERM_ADMIN": "cancelled",
    "TERM_FORCE_ADMIN": "cancelled",
    "TERM_BUCKET_KILL": "cancelled",
    "TERM_ZOMBIE": "node_failure",
    "TERM_UNKNOWN": "unknown",
}
FIELDS = (
    "jobid job_name user stat queue exec_host pend_reason exit_code exit_reason"
    " run_time runtimelimit"
)


class Lsf(Dialect):
    """bsub, bjobs, bkill."""

    name = "LSF"
    spawner = "LsfSpawner"
    no_answer = re.compile(
        r"LSF is down|Cannot connect to LSF|not responding|LIM is down|Please wait"
        r"|Communication time ?out|Failed in an LSF library call|Connection refused",
        re.IGNORECASE,
    )
    no_job = re.compile(
        r"is not found|No (?:unfinished )?job found|Job has already finished|No matching job",
        re.IGNORECASE,
    )
    refuses = frozenset({"qos"})

    def build_options(self, request: JobRequest) -> list[str]:
        """Options of bsub. Units are spelled out: a site may change the default ones."""
        options = ["-J", request.name, "-o", "/dev/null", "-rn", "-n", str(request.cpus or 1)]
        options += ["-R", "span[hosts=1]"]
        if request.memory:
            megabytes = f"{-(-request.memory >> 20)}MB" if request.memory >= 1 << 20 else "1MB"
            options += ["-M", megabytes, "-R", f"rusage[mem={megabytes}]"]
        if request.gpus:
            model = f":gmodel={request.gpu_type}" if request.gpu_type else ""
            options += ["-gpu", f"num={request.gpus}{model}"]
        options += ["-R", f"select[{request.constraint}]"] if request.constraint else []
        options += ["-W", str(-(-request.time_limit // 60))] if request.time_limit else []
        options += ["-q", request.partition] if request.partition else []
        options += ["-P", request.account] if request.account else []
        return options + (["-U", request.reservation] if request.reservation else [])

    def build_submit_input(self, request: JobRequest, script: str) -> str:
        """The script, started by a shell."""
        return wrap_for_shell(script)

    def build_jobs_command(self, users: Sequence[str]) -> list[str]:
        """The jobs of one user, or of all: bjobs takes no list."""
        return _query(self.spawner, None, users[0] if len(users) == 1 else "all")

    def build_end_command(self, job_id: str) -> list[str]:
        """The job, which is kept for `CLEAN_PERIOD` after its end."""
        return _query(self.spawner, job_id, None)

    def build_version_command(self) -> list[str]:
        """Name and version."""
        return ["bjobs", "-V"]

    def build_queues_command(self) -> list[str] | None:
        """The table of queues."""
        return ["bqueues", "-w"]

    def parse_job_id(self, text: str) -> str:
        """`Job <1815> is submitted to default queue <normal>.`"""
        match = re.search(r"^Job <(\d+)> is submitted", text, re.MULTILINE)
        return match[1] if match else ""

    def parse_jobs(self, text: str, now: datetime) -> list[Job]:
        """The records of bjobs."""
        return [_job(record, now) for record in _records(text)]

    def parse_end(self, text: str, job_id: str) -> JobEnd | None:
        """From the termination reason, or else the exit code."""
        for record in _records(text):
            if record.get("JOBID") == job_id and _state(record) is JobState.ENDED:
                return _end(record)
        return None

    def parse_queues(self, text: str) -> tuple[Partition, ...]:
        """One queue a line: name, priority, status."""
        lines = text.strip().splitlines()
        if not lines or not lines[0].startswith("QUEUE_NAME"):
            raise unreadable("bqueues", text)
        return tuple(
            Partition(name=words[0], state="up" if words[2].startswith("Open:Act") else "inactive")
            for words in (line.split() for line in lines[1:])
            if len(words) > 2
        )


def _query(spawner: str, job_id: str | None, user: str | None) -> list[str]:
    """batchspawner's query with other fields; JSON has room for reasons with any character."""
    words = query_words(spawner, job_id)
    words[words.index("-o") + 1] = FIELDS
    words.remove("-noheader")
    return [*words, "-json", *(["-u", user] if user else [])]


def _records(text: str) -> list[dict[str, Any]]:
    start = text.find("{")  # bjobs may say "Please wait ..." before it succeeds
    try:
        records = json.loads(text[start:])["RECORDS"] if start >= 0 else None
    except (ValueError, KeyError, TypeError) as error:
        raise unreadable("bjobs", text) from error
    if not isinstance(records, list):
        raise unreadable("bjobs", text)
    return [record for record in records if isinstance(record, dict) and "ERROR" not in record]


def _state(record: dict[str, Any]) -> JobState:
    state = STATES.get(str(record.get("STAT", "")))
    if state is None:
        raise unreadable("bjobs", str(record))
    return state


def _job(record: dict[str, Any], now: datetime) -> Job:
    state = _state(record)
    hosts = str(record.get("EXEC_HOST", "")).split(":")
    return Job(
        id=str(record.get("JOBID", "")),
        name=str(record.get("JOB_NAME", "")),
        user=str(record.get("USER", "")),
        state=state,
        scheduler_state=str(record.get("STAT")),
        reason=_reason(record) if state is JobState.PENDING else "",
        partition=str(record.get("QUEUE", "")),
        # 4*node1: four slots of node1.
        node=hosts[0].rpartition("*")[2] or None,
        ends_at=_ends(record, now) if state is JobState.RUNNING else None,
    )


def _reason(record: dict[str, Any]) -> str:
    if record.get("STAT") == "PSUSP":
        return "JobHeld"
    return str(record.get("PEND_REASON", "")).strip().rstrip(";") or "Priority"


def _ends(record: dict[str, Any], now: datetime) -> datetime | None:
    """`RUN_TIME` is `16038 second(s)` or a clock, `RUNTIMELIMIT` minutes or a clock."""
    used = parse_clock(str(record.get("RUN_TIME", "")).split(" ")[0])
    limit = str(record.get("RUNTIMELIMIT", "")).split("/")[0]
    minutes = re.fullmatch(r"\d+(\.\d+)?", limit)
    most = int(float(limit) * 60) if minutes else parse_clock(limit) if limit else None
    if used is None or not most:
        return None
    return now + timedelta(seconds=most - used)


def _end(record: dict[str, Any]) -> JobEnd:
    reason = str(record.get("EXIT_REASON", ""))
    code = str(record.get("EXIT_CODE", ""))
    number = int(code) if code.isdecimal() else None
    if record.get("STAT") == "DONE":
        number = 0
    cause: Cause = "exited" if number is not None else "unknown"
    word = reason.partition(":")[0].strip()
    if word in CAUSES:
        cause = CAUSES[word]
    by = str(record.get("USER", "")) if "OWNER" in word else None
    node = str(record.get("EXEC_HOST", "")).split(":")[0].rpartition("*")[2] or None
    return JobEnd(cause, str(record.get("STAT")), number, node, by)
