"""Answers of Slurm's commands about jobs. What can't be read raises `ValueError`."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from rosetta_hub.resources.slurm.commands import ENDED_FIELDS, QUEUE_FIELDS, TERM_BEFORE_END
from rosetta_hub.resources.slurm.states import end_cause, exit_status, job_state
from rosetta_hub.resources.wms import Job, JobEnd, JobState

_SUBMITTED = re.compile(r"^(\d+)(?:;\S+)?$")
_FIELD = re.compile(r"(?:^|\s)([A-Z][A-Za-z/:]*)=")
_DURATION = re.compile(r"^(?:(\d+)-)?(\d+):(\d\d):(\d\d)$")
_CANCELLED_BY = re.compile(r"^CANCELLED by (\d+)$")
_NOTHING = ("", "N/A", "NONE", "None", "None assigned", "Unknown", "(null)", "n/a")


@dataclass(frozen=True)
class Config:
    """What the drivers need of the cluster's configuration."""

    cluster: str
    private_jobs: bool
    """Users see their own jobs only."""


def parse_submitted(stdout: str) -> str:
    """The job's id from `sbatch --parsable`; a site's wrapper may have printed lines before it."""
    lines = stdout.strip().splitlines()
    match = _SUBMITTED.match(lines[-1].strip()) if lines else None
    if match is None:
        raise ValueError("sbatch answered without the id of a job")
    return match[1]


def parse_queue(stdout: str, mark: str) -> list[Job]:
    """The jobs that squeue printed, in the format of `build_queue_command`."""
    lines = [line for line in stdout.splitlines() if line.startswith(f"{mark}|")]
    # The header is the proof that an empty queue is one.
    if not lines or not lines[0].startswith(f"{mark}|JOBID|"):
        raise ValueError("squeue answered without its header")
    return [_queue_line(line) for line in lines[1:]]


def _queue_line(line: str) -> Job:
    fields = line.split("|", len(QUEUE_FIELDS))[1:]
    if len(fields) != len(QUEUE_FIELDS):
        raise ValueError("squeue answered with a line that ends early")
    job_id, word, user, partition, host, start, end, reason, name = fields
    node = host if host not in _NOTHING else None
    state = job_state(word, on_a_node=node is not None)
    waits = state is JobState.PENDING
    return Job(
        id=job_id,
        name=name,
        user=user,
        state=state,
        scheduler_state=word,
        reason=reason if waits and reason not in _NOTHING else "",
        partition=partition,
        node=node,
        expected_start=parse_time(start) if waits and "held" not in reason.lower() else None,
        ends_at=parse_time(end) if state is JobState.RUNNING else None,
    )


def parse_time(text: str) -> datetime | None:
    """A time as Slurm prints it in UTC; None for one that it does not know."""
    if text in _NOTHING or text in ("UNLIMITED", "INVALID"):
        return None
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def parse_table(stdout: str) -> Iterator[dict[str, str]]:
    """The lines of `--parsable2` by the names of its header."""
    lines = stdout.splitlines()
    if not lines:
        raise ValueError("an answer without its header")
    header = lines[0].split("|")
    for line in lines[1:]:
        fields = line.split("|", len(header) - 1)
        if len(fields) != len(header):
            raise ValueError("an answer with a line that ends early")
        yield dict(zip(header, fields, strict=True))


def parse_ended(stdout: str) -> list[Job]:
    """Jobs from the accounting, in the format of `build_ended_command`."""
    return [_ended_job(row) for row in _accounted(stdout)]


def _ended_job(row: dict[str, str]) -> Job:
    word = row["State"].partition(" ")[0]
    node = first_node(row["NodeList"])
    return Job(
        id=row["JobIDRaw"],
        name=row["JobName"],
        user=row["User"],
        state=job_state(word, on_a_node=node is not None),
        scheduler_state=word,
        partition=row["Partition"],
        node=node,
    )


def _accounted(stdout: str) -> Iterable[dict[str, str]]:
    rows = parse_table(stdout)
    if not stdout.startswith("|".join(ENDED_FIELDS)):
        raise ValueError("sacct answered with other columns")
    return rows


def parse_end(stdout: str) -> JobEnd | None:
    """How a job ended, from the accounting; None where it has not, or is not known.

    `by` is the number of the user who cancelled it.
    """
    return next((_end(row) for row in _accounted(stdout)), None)


def parse_ends(stdout: str) -> dict[str, JobEnd]:
    """How jobs ended, by their ids, from the accounting; `by` as in `parse_end`."""
    ends = {row["JobIDRaw"]: _end(row) for row in _accounted(stdout)}
    return {job_id: end for job_id, end in ends.items() if end is not None}


def _end(row: dict[str, str]) -> JobEnd | None:
    word = row["State"].partition(" ")[0]
    cause = end_cause(word)
    if cause is None:
        return None
    by = _CANCELLED_BY.match(row["State"])
    return JobEnd(
        cause=cause,
        scheduler_state=word,
        exit_code=exit_status(row["ExitCode"]),
        node=first_node(row["NodeList"]),
        by=by[1] if by else None,
    )


def parse_shown_job(stdout: str) -> JobEnd | None:
    """How a job ended, from `scontrol show job`; None while it has not.

    A job that ends by itself within two minutes of its limit was asked to (see
    `build_submit_command`): that is its limit. The administrator may have changed it meanwhile.
    """
    fields = parse_fields(stdout)
    if "JobState" not in fields:
        raise ValueError("scontrol answered without the state of the job")
    cause = end_cause(fields["JobState"])
    if cause is None:
        return None
    if cause == "exited" and _was_at_limit(fields):
        cause = "time_limit"
    return JobEnd(
        cause=cause,
        scheduler_state=fields["JobState"],
        exit_code=exit_status(fields.get("ExitCode", "")),
        node=first_node(fields.get("NodeList", "")),
    )


def _was_at_limit(fields: dict[str, str]) -> bool:
    ran, limit = (parse_duration(fields.get(name, "")) for name in ("RunTime", "TimeLimit"))
    return ran is not None and limit is not None and limit - ran <= 2 * TERM_BEFORE_END


def parse_duration(text: str) -> int | None:
    """Seconds of `days-hours:minutes:seconds`, with or without days; None for anything else."""
    match = _DURATION.match(text)
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def parse_fields(line: str) -> dict[str, str]:
    """`Key=value` pairs of a line of scontrol; values may have blanks in them."""
    matches = list(_FIELD.finditer(line))
    ends = [*(match.start() for match in matches[1:]), len(line)]
    return {
        match[1]: line[match.end() : end].strip() for match, end in zip(matches, ends, strict=True)
    }


def parse_config(stdout: str) -> Config:
    """What matters of `scontrol show config`."""
    pairs = (line.partition("=") for line in stdout.splitlines() if "=" in line)
    values = {name.strip(): value.strip() for name, _, value in pairs}
    if "ClusterName" not in values:
        raise ValueError("scontrol answered without the name of the cluster")
    private = values.get("PrivateData", "").split(",")
    return Config(values["ClusterName"], "jobs" in private or "all" in private)


def first_node(text: str) -> str | None:
    """The first host of Slurm's list of hosts, such as `node[03-05,9],gpu1`."""
    text = text.strip()
    if text in _NOTHING:
        return None
    match = re.match(r"([^\[,]+)(?:\[([^\]]*)\]([^,]*))?", text)
    if match is None:
        return None
    first = re.split(r"[-,]", match[2])[0] if match[2] else ""
    return match[1] + first + (match[3] or "")
