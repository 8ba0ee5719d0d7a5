"""Grid Engine: Sun's, and its children (Son of, Univa, Altair, Open Cluster Scheduler)."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import datetime

from rosetta_hub.resources.dialects.dialect import Dialect, unreadable, wrap_for_shell
from rosetta_hub.resources.dialects.templates import query_words
from rosetta_hub.resources.inventory import Partition
from rosetta_hub.resources.wms import Cause, Job, JobEnd, JobRequest, JobState

# The parallel environment for several CPUs of one node; `-pe NAME` in submit_options names it.
PARALLEL_ENVIRONMENT = "smp"


class Sge(Dialect):
    """qsub, qstat, qacct, qdel."""

    name = "Grid Engine"
    spawner = "GridengineSpawner"
    no_answer = re.compile(
        r"unable to send message to qmaster|commlib error|unable to contact qmaster|got send error"
        r"|failed receiving gdi request|cannot connect to|got select error|unable to resolve"
        r"|timeout",
        re.IGNORECASE,
    )
    # qacct before the accounting file was written: "accounting" appears with the first job's end.
    no_job = re.compile(
        r"job .* does not exist|do not exist|job (?:id|name) .* not found"
        r"|accounting\"?:? .*No such file",
        re.IGNORECASE | re.DOTALL,
    )
    # GPU types, QoS and reservations by name have no common words: `submit_options`.
    refuses = frozenset({"gpu_type", "qos"})

    def build_submit_command(self, request: JobRequest) -> list[str]:
        """See `Dialect`; a `-pe NAME` of the administrator names the parallel environment."""
        extra = list(request.extra)
        environment = PARALLEL_ENVIRONMENT
        if "-pe" in extra[:-1]:
            at = extra.index("-pe")
            environment = extra[at + 1]
            extra[at : at + 2] = []
        cpus = ["-pe", environment, str(request.cpus)] if (request.cpus or 1) > 1 else []
        return [*self.build_plain_command(request), *cpus, *extra]

    def build_plain_command(self, request: JobRequest) -> list[str]:
        """The submit command for one CPU, without the administrator's options."""
        return ["qsub", "-terse", *self.build_options(request)]

    def build_options(self, request: JobRequest) -> list[str]:
        """Options of qsub. Memory is asked for by slot, of what nodes have free.

        Not by `h_vmem`, which limits the address space, and with it any container engine.
        """
        # -C '': lines of the script are no options. -S: queues choose the shell else.
        options = ["-N", request.name, "-C", "", "-S", "/bin/sh", "-j", "yes", "-o", "/dev/null"]
        # The check for a job that could never run ignores what nodes report (free memory).
        options += ["-r", "no", "-w", "n" if request.memory or request.constraint else "e"]
        slots = request.cpus or 1
        resources = {
            "h_rt": request.time_limit,
            "mem_free": request.memory and f"{-(-request.memory // slots >> 10)}K",
            "gpu": request.gpus or None,
        }
        for key, value in resources.items():
            options += ["-l", f"{key}={value}"] if value else []
        options += ["-l", request.constraint] if request.constraint else []
        options += ["-q", request.partition] if request.partition else []
        options += ["-P", request.account] if request.account else []
        return options + (["-ar", request.reservation] if request.reservation else [])

    def build_submit_input(self, request: JobRequest, script: str) -> str:
        """The script, started by a shell."""
        return wrap_for_shell(script)

    def build_jobs_command(self, users: Sequence[str]) -> list[str]:
        """The jobs of these users with their whole names (`-r`)."""
        return [*query_words(self.spawner, None), "-r", "-u", ",".join(users)]

    def build_history_command(self, name: str, user: str) -> list[str] | None:
        """Jobs in the accounting file."""
        return ["qacct", "-j", name]

    def build_end_command(self, job_id: str) -> list[str]:
        """The job in the accounting file."""
        return ["qacct", "-j", job_id]

    def build_version_command(self) -> list[str]:
        """The first line of the help text."""
        return ["qstat", "-help"]

    def build_queues_command(self) -> list[str] | None:
        """Names of the queues."""
        return ["qconf", "-sql"]

    def parse_job_id(self, text: str) -> str:
        """The last line, a number."""
        lines = text.strip().splitlines() or [""]
        return lines[-1].strip() if lines[-1].strip().isdecimal() else ""

    def parse_jobs(self, text: str, now: datetime) -> list[Job]:
        """The jobs of the XML form, running and waiting."""
        try:
            root = ET.fromstring(text)  # noqa: S314 - the answer of the scheduler's own command
        except ET.ParseError as error:
            raise unreadable("qstat", text) from error
        if root.tag != "job_info":
            raise unreadable("qstat", text)
        return [_job(element) for element in root.iter("job_list")]

    def parse_history(self, text: str) -> list[Job]:
        """Jobs that have ended."""
        return [
            Job(
                id=record.get("jobnumber", ""),
                name=record.get("jobname", ""),
                user=record.get("owner", ""),
                state=JobState.ENDED,
                scheduler_state=record.get("failed", ""),
                partition=record.get("qname", ""),
                node=record.get("hostname"),
            )
            for record in _accounts(text)
        ]

    def parse_end(self, text: str, job_id: str) -> JobEnd | None:
        """The newest record of the job: ids are used again after 9,999,999 jobs."""
        records = [record for record in _accounts(text) if record.get("jobnumber") == job_id]
        if not records:
            raise unreadable("qacct", text)
        record = records[-1]
        status = record.get("exit_status", "").split()
        code = int(status[0]) if status and status[0].isdecimal() else None
        by = record.get("deleted_by", "NONE")
        return JobEnd(
            _cause(record, code),
            record.get("failed", ""),
            code,
            record.get("hostname"),
            None if by in ("NONE", "") else by.partition("@")[0],
        )

    def parse_queues(self, text: str) -> tuple[Partition, ...]:
        """One name a line."""
        return tuple(Partition(name=queue, state="up") for queue in text.split())


def _job(element: ET.Element) -> Job:
    letters = element.findtext("state", "")
    kind = element.get("state", "")
    # t: on its way to the node. Suspended jobs are listed as running ones.
    if kind not in ("running", "pending"):
        raise unreadable("qstat", ET.tostring(element, "unicode"))
    state = JobState.RUNNING if kind == "running" else JobState.PENDING
    queue, _, node = (element.findtext("queue_name") or "").partition("@")
    hard_queue = element.findtext("hard_req_queue") or ""
    return Job(
        id=element.findtext("JB_job_number", ""),
        name=element.findtext("full_job_name") or element.findtext("JB_name") or "",
        user=element.findtext("JB_owner", ""),
        state=state,
        scheduler_state=letters,
        reason=_reason(letters) if state is JobState.PENDING else "",
        partition=queue or hard_queue,
        node=node or None,
    )


def _reason(letters: str) -> str:
    if "E" in letters:
        return "JobError"
    return "JobHeld" if "h" in letters else "Priority"


def _accounts(text: str) -> list[dict[str, str]]:
    """The records of qacct, each below a line of equal signs."""
    records: list[dict[str, str]] = []
    for line in text.splitlines():
        if line.startswith("====="):
            records.append({})
        elif records and " " in line.strip():
            key, _, value = line.strip().partition(" ")
            records[-1][key] = value.strip()
    return [record for record in records if record.get("jobnumber")]


def _cause(record: dict[str, str], code: int | None) -> Cause:
    """sge_status(5): 37 is a limit that the qmaster enforced, 100 any signal.

    A job killed by `h_rt` before the qmaster had to, and one that qdel killed, look the same but
    for their time.
    """
    failed = record.get("failed", "").split()
    number = int(failed[0]) if failed and failed[0].isdecimal() else 0
    limit = re.search(r"\bh_rt=(\d+)", record.get("category", ""))
    used = re.match(r"\d+", record.get("ru_wallclock", ""))
    if limit and used and int(used[0]) >= int(limit[1]):
        return "time_limit"
    if number == 37:
        return (
            "time_limit"
            if limit or "h_vmem" not in record.get("category", "")
            else ("out_of_memory")
        )
    if number in (24, 25):  # migrating, rescheduling
        return "preempted"
    if number in (19, 21):  # before writing exit_status, in recognizing job: lost with its host
        return "node_failure"
    if number == 100:
        return "cancelled" if code in (137, 143) else "exited"
    return "exited" if number == 0 else "unknown"
