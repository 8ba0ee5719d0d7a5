"""Slurm through slurmrestd: the same jobs as through its commands, with JSON web tokens."""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TypeVar
from urllib.parse import quote, urlencode

from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.resources.inventory import Inventory
from rosetta_hub.resources.slurm import rest_documents as documents
from rosetta_hub.resources.slurm.inventory import Accounting, PartitionLimits, build_inventory
from rosetta_hub.resources.slurm.refusals import is_refused_error, refusal_of
from rosetta_hub.resources.slurm.rest_client import Document, RestClient, RestFault
from rosetta_hub.resources.slurm.wms import ACCOUNTING_PAUSES, ACCOUNTS_SECONDS, JOB_PREFIX, OVER
from rosetta_hub.resources.wms import (
    NO_MORE_TIME,
    Job,
    JobEnd,
    JobRefused,
    JobRequest,
    JobState,
    QueueIsPrivate,
)

_HISTORY_SECONDS = 14 * 86400

Result = TypeVar("Result")


class SlurmRestWms:
    """Slurm as one account of a cluster; `client` serves all accounts."""

    def __init__(self, client: RestClient, user: str) -> None:
        self._client = client
        self._user = user
        self._accounting: tuple[float, Accounting] | None = None

    async def submit(self, request: JobRequest, script: str) -> str:
        """Submit a batch script; returns the job's id.

        Raises:
            JobRefused: Slurm said no; the message says what to change.
            ResourceUnavailable: it may have been submitted or not: look for its name.
        """
        if request.extra:
            raise JobRefused(
                "The administrator's 'submit_options' are options of sbatch: they have no meaning"
                " for slurmrestd. Tell the administrator."
            )
        body = documents.build_submission(request, script)
        try:
            answer = await self._client.post(self._user, "slurm", "job/submit", body)
        except RestFault as fault:
            texts = [entry.error for entry in fault.faults]
            if is_refused_error(texts):
                raise JobRefused(refusal_of(texts, request)) from fault
            raise ResourceUnavailable(f"slurmrestd: {fault}") from fault
        return _read(documents.read_job_id, answer)

    async def jobs(self, users: Sequence[str]) -> list[Job]:
        """All waiting and running jobs of these users that are ours, in one query.

        slurmrestd hands out the whole queue: it has no filter by user.

        Raises:
            QueueIsPrivate: others than this account were asked for, and no job of others is in the
                queue: perhaps there is none, perhaps none is shown.
            ResourceUnavailable: nothing is known.
        """
        if not users:
            return []
        jobs = await self._queue()
        if {*users} - {self._user} and all(job.user == self._user for job in jobs):
            raise QueueIsPrivate("slurmrestd shows this account its own jobs only")
        alive = [job for job in _of(users, jobs) if job.state is not JobState.ENDED]
        return [job for job in alive if job.name.startswith(JOB_PREFIX)]

    async def find(self, name: str) -> list[Job]:
        """This account's own jobs of that name, those that have just ended included.

        Raises:
            ResourceUnavailable: nothing is known.
        """
        jobs = [job for job in _of([self._user], await self._queue()) if job.name == name]
        if jobs:
            return jobs
        since = f"now-{_HISTORY_SECONDS}seconds"
        query = urlencode({"users": self._user, "job_name": name, "start_time": since})
        answer = await self._get("slurmdb", f"jobs/?{query}")
        return [job for job in _read(documents.read_accounted_jobs, answer) if job.name == name]

    async def end(self, job_id: str) -> JobEnd | None:
        """How a job ended; None while it has not, or where neither accounting nor controller know.

        Raises:
            ResourceUnavailable: nothing is known.
        """
        path = f"job/{quote(job_id, safe='')}"
        ended = None
        try:
            answer = await self._client.get(self._user, "slurm", path)
            ended = _read(documents.read_end, answer)
            if ended is None or ended.cause != "cancelled":
                return ended
        except RestFault as fault:
            if not _says(fault, OVER):
                raise ResourceUnavailable(f"slurmrestd: {fault}") from fault
        return await self._accounted_end(path, ended)

    async def _accounted_end(self, path: str, ended: JobEnd | None) -> JobEnd | None:
        """The end that the accounting has; `ended` is what the controller knows, if anything."""
        for pause in (*(ACCOUNTING_PAUSES if ended else ()), 0):
            try:
                answer = await self._get("slurmdb", path)
            except ResourceUnavailable:
                if ended is None:
                    raise
                return ended
            end = _read(documents.read_end, answer)
            if end is not None:
                return end
            await asyncio.sleep(pause)
        return ended

    async def ends(self, job_ids: Sequence[str]) -> dict[str, JobEnd]:
        """None of them: a request for each costs no process here."""
        return {}

    async def cancel(self, job_id: str) -> None:
        """Cancel a job in whatever state it is; one that is over is no error.

        Raises:
            ResourceUnavailable: it is not known whether it was cancelled.
        """
        try:
            await self._client.delete(self._user, "slurm", f"job/{quote(job_id, safe='')}")
        except RestFault as fault:
            if not _says(fault, OVER):
                raise ResourceUnavailable(f"slurmrestd: {fault}") from fault

    async def extend(self, job_id: str, seconds: int) -> None:
        """Not offered: Slurm gives more time to jobs of operators alone, who have its commands.

        Raises:
            JobRefused: always.
        """
        raise JobRefused(NO_MORE_TIME)

    async def inventory(self) -> Inventory:
        """What can be asked for, and what is idle now; accounts and QoS of the last ten minutes.

        Raises:
            ResourceUnavailable: nothing is known.
        """
        partitions, nodes = await asyncio.gather(
            self._get("slurm", "partitions/"), self._get("slurm", "nodes/")
        )
        limits = _read(documents.read_partitions, partitions)
        cluster = _read(documents.read_cluster, partitions)
        accounting = await self._accounts_and_qos(cluster, limits)
        return build_inventory(limits, _read(documents.read_nodes, nodes), accounting)

    async def _accounts_and_qos(self, cluster: str, limits: list[PartitionLimits]) -> Accounting:
        last = self._accounting
        if last is not None and last[0] > monotonic():
            return last[1]
        # All associations of a large site are many: only where a partition asks for them.
        tree = any(partition.allow_accounts for partition in limits)
        query = "" if tree else "?" + urlencode({"user": self._user})
        try:
            accounts, qos = await asyncio.gather(
                self._get("slurmdb", f"associations/{query}"), self._get("slurmdb", "qos/")
            )
        except ResourceUnavailable:
            # No accounting, or its database is away: jobs can be submitted all the same.
            return last[1] if last else Accounting()
        accounting = Accounting(
            _read(lambda answer: documents.read_accounts(answer, self._user, cluster), accounts),
            _read(documents.read_qos, qos),
            _read(lambda answer: documents.read_account_tree(answer, cluster), accounts),
        )
        self._accounting = (monotonic() + ACCOUNTS_SECONDS, accounting)
        return accounting

    async def _queue(self) -> list[Job]:
        return _read(documents.read_jobs, await self._get("slurm", "jobs/"))

    async def _get(self, part: str, path: str) -> Document:
        try:
            return await self._client.get(self._user, part, path)
        except RestFault as fault:
            raise ResourceUnavailable(f"slurmrestd: {fault}") from fault


def _of(users: Sequence[str], jobs: list[Job]) -> list[Job]:
    # A number: the cluster has no name for the account, perhaps just now.
    return [job for job in jobs if job.user in users or job.user.isdecimal()]


def _read(read: Callable[[Document], Result], answer: Document) -> Result:
    try:
        return read(answer)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ResourceUnavailable(f"the answer of slurmrestd can't be read: {error!r}") from error


def _says(fault: RestFault, words: tuple[str, ...]) -> bool:
    text = str(fault).lower()
    return any(word in text for word in words)
