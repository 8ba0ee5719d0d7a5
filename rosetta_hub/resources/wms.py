"""What every workload management system can do, in its own words translated once."""

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from rosetta_hub.database.models import Task
from rosetta_hub.errors import ResourceUnavailable, RosettaError
from rosetta_hub.resources.inventory import Inventory

Cause = Literal[
    "time_limit",
    "out_of_memory",
    "out_of_disk",
    "node_failure",
    "evicted",
    "preempted",
    "cancelled",
    "namespace_deleted",
    "exited",
    "unknown",
]

_JOB_NAME = re.compile(r"^rosetta-([0-9a-f]{8})-([0-9a-f]{12})-([1-9][0-9]{0,8})$")

# Seconds. Busy schedulers take half a minute to answer, and Slurm's commands then ask once more.
QUERY_TIMEOUT = 90
SUBMIT_TIMEOUT = 120
# Where commands are looked for after the directories of the configuration, which take the place of
# PATH: `env` has no way to say "and PATH".
USUAL_PATH = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin")
# Of schedulers that let nobody but their administrators lengthen a job that runs.
NO_MORE_TIME = (
    "This computing resource gives a job that runs no more time. Save your work, and start the task"
    " again with more time."
)


class JobState(enum.StrEnum):
    """A job as far as a task cares; the scheduler's own word is in `Job.scheduler_state`."""

    PENDING = "pending"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True)
class JobRequest:
    """What is asked of the scheduler. Memory in bytes, time in seconds; None: its default.

    `extra` holds options of the submit command that only the administrator sets.
    """

    name: str
    cpus: int | None = None
    memory: int | None = None
    time_limit: int | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    gpus: int | None = None
    gpu_type: str | None = None
    constraint: str | None = None
    reservation: str | None = None
    extra: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """A job in the queue or on a node, as the scheduler shows it now."""

    id: str
    name: str
    user: str
    state: JobState
    scheduler_state: str
    reason: str = ""
    """The scheduler's code for why it waits, e.g. `Resources`; empty when it does not."""
    partition: str = ""
    node: str | None = None
    """The (first) node it runs on."""
    expected_start: datetime | None = None
    ends_at: datetime | None = None
    """When its time limit is reached."""


@dataclass(frozen=True)
class JobEnd:
    """Why a job is over, from the scheduler's accounting."""

    cause: Cause
    scheduler_state: str
    exit_code: int | None = None
    node: str | None = None
    by: str | None = None
    """Who cancelled it, where the scheduler tells; or which namespace it was deleted with."""


class JobRefused(RosettaError):
    """The scheduler refused the job; the message is a message with its own words in it."""


class NotSubmitted(ResourceUnavailable):
    """Nobody was there to take the job: it can be submitted again without looking for it."""


class ShutOut(ResourceUnavailable):
    """The identity may not ask any more; `ends` are of jobs, by id, that had ended before."""

    def __init__(self, message: str, ends: Mapping[str, JobEnd]) -> None:
        super().__init__(message)
        self.ends = ends


class QueueIsPrivate(ResourceUnavailable):
    """The scheduler shows this identity its own jobs only: ask as each of the others."""


class Wms(Protocol):
    """A scheduler, used as one identity. Every call may be repeated.

    All raise `ResourceUnavailable` when the scheduler did not answer, or answered what can't be
    read: then nothing is known.
    """

    async def submit(self, request: JobRequest, script: str) -> str:
        """Submit a batch script (on standard input); returns the job's id.

        Raises:
            JobRefused: the scheduler said no.
            NotSubmitted: it did not get there.
            ResourceUnavailable: it may have been submitted or not: look for its name.
        """

    async def jobs(self, users: Sequence[str]) -> list[Job]:
        """All waiting and running jobs of these users, in one query.

        Raises:
            QueueIsPrivate: this identity may not see the jobs of the others.
        """

    async def find(self, name: str) -> list[Job]:
        """This identity's own jobs of that name, those that have just ended included."""

    async def end(self, job_id: str) -> JobEnd | None:
        """How a job ended; None while it has not, or where the scheduler does not know the job."""

    async def ends(self, job_ids: Sequence[str]) -> dict[str, JobEnd]:
        """How jobs of this identity ended, as far as one query tells.

        Those that are missing are to be asked for one by one; where a scheduler has no such query,
        all are.
        """

    async def cancel(self, job_id: str) -> None:
        """Cancel a job in whatever state it is; one that is over is no error."""

    async def extend(self, job_id: str, seconds: int) -> None:
        """Add so many seconds to the time limit of a running job of this identity.

        The exception among the calls: a repeated one adds again.

        Raises:
            JobRefused: the scheduler does not let the job's owner have more time.
        """

    async def inventory(self) -> Inventory:
        """What can be asked for, and what is idle now."""


def job_name(deployment: str, task: Task) -> str:
    """The name of the job that an attempt of a task is; it tells deployments apart."""
    return f"rosetta-{deployment}-{task.id}-{task.attempt}"


def parse_job_name(deployment: str, name: str) -> tuple[str, int] | None:
    """Task id and attempt of a job of the deployment; None for everybody else's jobs."""
    match = _JOB_NAME.match(name)
    if match is None or match[1] != deployment:
        return None
    return match[2], int(match[3])
