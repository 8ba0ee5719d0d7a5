"""Slurm through its commands on a login node."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic
from typing import TypeVar

from rosetta_hub.access import Access, Completed
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.resources.inventory import Inventory
from rosetta_hub.resources.slurm import commands, parse
from rosetta_hub.resources.slurm.inventory import (
    Accounting,
    build_inventory,
    parse_account_tree,
    parse_accounts,
    parse_nodes,
    parse_partitions,
    parse_qos,
)
from rosetta_hub.resources.slurm.refusals import is_refusal, last_words, refusal_message
from rosetta_hub.resources.wms import (
    QUERY_TIMEOUT,
    SUBMIT_TIMEOUT,
    Job,
    JobEnd,
    JobRefused,
    JobRequest,
    NotSubmitted,
    QueueIsPrivate,
)

# Seconds. Accounts and QoS change rarely, and slow databases answer for them.
ACCOUNTS_SECONDS = 600
CONFIG_SECONDS = 3600
# Until the accounting has the end of a job that the controller has just cancelled.
ACCOUNTING_PAUSES = (0.5, 1, 2)
# What begins the names of our jobs (see JobRequest).
JOB_PREFIX = "rosetta-"
# What Slurm says of a job that is over.
OVER = ("invalid job id", "already completing or completed")
_DENIED = ("access/permission denied",)
_NOT_THERE = ("controller (connect failure)",)
_NO_ACCOUNTING = ("accounting storage is disabled", "not running a supported accounting_storage")

Given = TypeVar("Given")
Result = TypeVar("Result")


class SlurmWms:
    """Slurm as one account of a cluster: `user`, as whom `access` runs commands.

    `path`: directories in which Slurm's commands are looked for first.
    """

    def __init__(self, access: Access, user: str, path: Sequence[str] = ()) -> None:
        self._access = access
        self._user = user
        self._path = tuple(path)
        self._config: tuple[float, parse.Config] | None = None
        self._accounting: tuple[float, Accounting] | None = None
        self._names: dict[str, str] = {}

    async def submit(self, request: JobRequest, script: str) -> str:
        """Submit a batch script (on standard input); returns the job's id.

        Raises:
            JobRefused: Slurm said no; the message says what to change.
            NotSubmitted: no controller listened.
            ResourceUnavailable: it may have been submitted or not: look for its name. A controller
                that is slow may get to it later, so look again before submitting again.
        """
        argv = commands.build_submit_command(request)
        result = await self._run(argv, script, SUBMIT_TIMEOUT)
        if result.returncode == 0:
            return _read("sbatch", parse.parse_submitted, result.stdout)
        if is_refusal(result.stderr):
            raise JobRefused(refusal_message(result.stderr, request))
        failure = NotSubmitted if _says(result, _NOT_THERE) else ResourceUnavailable
        raise failure(_failure("sbatch", result))

    async def jobs(self, users: Sequence[str]) -> list[Job]:
        """All waiting and running jobs of these users that are ours, in one query.

        Raises:
            QueueIsPrivate: users see their own jobs only, and others than this one were asked for.
            ResourceUnavailable: nothing is known.
        """
        if set(users) - {self._user} and (await self._configuration()).private_jobs:
            # Slurm would leave the others' jobs out, as if there were none.
            raise QueueIsPrivate("Slurm shows each account its own jobs only (PrivateData)")
        jobs = await self._queue(users) if users else []
        return [job for job in jobs if job.name.startswith(JOB_PREFIX)]

    async def find(self, name: str) -> list[Job]:
        """This account's own jobs of that name, those that have just ended included.

        Raises:
            ResourceUnavailable: nothing is known.
        """
        for ended in (False, True):
            jobs = await self._queue([self._user], name, ended=ended)
            if jobs:
                return jobs
        result = await self._run(commands.build_ended_command(self._user, name))
        if result.returncode != 0 and _says(result, _NO_ACCOUNTING):
            return []
        return _answer("sacct", parse.parse_ended, result)

    async def end(self, job_id: str) -> JobEnd | None:
        """How a job ended; None while it has not, or where neither accounting nor controller know.

        Raises:
            ResourceUnavailable: nothing is known.
        """
        # The controller knows at once, for minutes; the accounting knows more, seconds later.
        result = await self._run(commands.build_show_job_command(job_id))
        ended = None
        if result.returncode == 0:
            ended = _answer("scontrol", parse.parse_shown_job, result)
            if ended is None or ended.cause != "cancelled":
                return ended
        elif not _says(result, OVER):
            raise ResourceUnavailable(_failure("scontrol", result))
        return await self._accounted_end(job_id, ended)

    async def ends(self, job_ids: Sequence[str]) -> dict[str, JobEnd]:
        """How jobs ended, as far as the accounting knows already; with one query.

        Raises:
            ResourceUnavailable: nothing is known.
        """
        result = await self._run(commands.build_end_command(*job_ids))
        if result.returncode != 0 and _says(result, _NO_ACCOUNTING):
            return {}
        ends = _answer("sacct", parse.parse_ends, result)
        return {job_id: await self._with_name(end) for job_id, end in ends.items()}

    async def _accounted_end(self, job_id: str, ended: JobEnd | None) -> JobEnd | None:
        """The end that the accounting has; `ended` is what the controller knows, if anything."""
        accounted = await self._run(commands.build_end_command(job_id))
        for pause in ACCOUNTING_PAUSES if ended is not None else ():
            if accounted.returncode != 0 or _answer("sacct", parse.parse_end, accounted):
                break
            await asyncio.sleep(pause)
            accounted = await self._run(commands.build_end_command(job_id))
        if accounted.returncode == 0:
            end = _answer("sacct", parse.parse_end, accounted)
            return await self._with_name(end) if end else ended
        if ended is None and not _says(accounted, _NO_ACCOUNTING):
            raise ResourceUnavailable(_failure("sacct", accounted))
        return ended

    async def cancel(self, job_id: str) -> None:
        """Cancel a job in whatever state it is; one that is over is no error.

        Raises:
            ResourceUnavailable: it is not known whether it was cancelled.
        """
        result = await self._run(commands.build_cancel_command(job_id))
        if result.returncode != 0 and not _says(result, OVER):
            raise ResourceUnavailable(_failure("scancel", result))

    async def extend(self, job_id: str, seconds: int) -> None:
        """Add so many seconds to the time limit of a running job.

        Slurm lets owners lower the limit only, unless they are operators or administrators of its
        accounting.

        Raises:
            JobRefused: this account may not, or the job has ended.
            ResourceUnavailable: it is not known whether the job has more time.
        """
        result = await self._run(commands.build_extend_command(job_id, seconds))
        if result.returncode == 0:
            return
        if _says(result, _DENIED):
            raise JobRefused(
                "Slurm lets its operators alone give a running job more time. Ask the support of"
                f" the cluster to do so for the job {job_id}, or start the task again with more"
                " time."
            )
        if _says(result, (*OVER, "already finished")):
            raise JobRefused("The job has ended. Start the task again.")
        if is_refusal(result.stderr):
            raise JobRefused(f"Slurm gives the job no more time: {last_words(result.stderr)}")
        raise ResourceUnavailable(_failure("scontrol", result))

    async def inventory(self) -> Inventory:
        """What can be asked for, and what is idle now.

        Accounts and QoS are those of the last ten minutes; without accounting there are none.

        Raises:
            ResourceUnavailable: nothing is known.
        """
        partitions, nodes, accounting = await asyncio.gather(
            self._run(commands.build_partitions_command()),
            self._run(commands.build_nodes_command()),
            self._accounts_and_qos(),
        )
        return build_inventory(
            _answer("scontrol", parse_partitions, partitions),
            _answer("sinfo", parse_nodes, nodes),
            accounting,
        )

    async def _queue(
        self, users: Sequence[str], name: str | None = None, *, ended: bool = False
    ) -> list[Job]:
        # Unpredictable: nobody's job name can pretend to be a line of it.
        mark = secrets.token_hex(8)
        result = await self._run(commands.build_queue_command(users, mark, name, ended=ended))
        if "Invalid user" in result.stderr:
            # The login node does not know one of them, for good or because its name service is
            # away. Slurm left that user's jobs out, as if there were none: ask for everybody's.
            result = await self._run(commands.build_queue_command([], mark, name, ended=ended))
        jobs = _answer("squeue", lambda text: parse.parse_queue(text, mark), result)
        # A number: the login node has no name for the account, perhaps just now.
        return [job for job in jobs if job.user in users or job.user.isdecimal()]

    async def _configuration(self) -> parse.Config:
        if self._config is None or self._config[0] < monotonic():
            result = await self._run(commands.build_config_command())
            configuration = _answer("scontrol", parse.parse_config, result)
            self._config = (monotonic() + CONFIG_SECONDS, configuration)
        return self._config[1]

    async def _accounts_and_qos(self) -> Accounting:
        if self._accounting is None or self._accounting[0] < monotonic():
            cluster = (await self._configuration()).cluster
            answers = await asyncio.gather(
                self._run(commands.build_accounts_command(self._user)),
                self._run(commands.build_account_tree_command()),
                self._run(commands.build_qos_command()),
            )
            if any(answer.returncode != 0 for answer in answers):
                # No accounting, or its database is away: jobs can be submitted all the same.
                return self._accounting[1] if self._accounting else Accounting()
            accounting = _read("sacctmgr", lambda texts: _accounting(texts, cluster), answers)
            self._accounting = (monotonic() + ACCOUNTS_SECONDS, accounting)
        return self._accounting[1]

    async def _with_name(self, ended: JobEnd) -> JobEnd:
        """The end with the name of who cancelled the job; the number, where there is no name."""
        if ended.by is None:
            return ended
        if ended.by not in self._names:
            result = await self._run(commands.build_user_name_command(ended.by))
            name = result.stdout.strip() if result.returncode == 0 else ""
            if not name:
                return ended
            self._names[ended.by] = name
        return replace(ended, by=self._names[ended.by])

    async def _run(
        self, argv: list[str], stdin: str = "", timeout: float = QUERY_TIMEOUT
    ) -> Completed:
        result = await self._access.run(commands.build_command(argv, self._path), stdin, timeout)
        if result.returncode in (126, 127):
            raise ResourceUnavailable(
                f"{argv[0]} was not found on the login node: the administrator has to name its"
                " directory in 'path' of this computing resource"
            )
        return result


def _accounting(answers: Sequence[Completed], cluster: str) -> Accounting:
    accounts, tree, qos = (answer.stdout for answer in answers)
    return Accounting(
        parse_accounts(accounts, cluster),
        parse_qos(qos),
        parse_account_tree(tree, cluster),
    )


def _answer(program: str, read: Callable[[str], Result], result: Completed) -> Result:
    if result.returncode != 0:
        raise ResourceUnavailable(_failure(program, result))
    return _read(program, read, result.stdout)


def _read(program: str, read: Callable[[Given], Result], text: Given) -> Result:
    try:
        return read(text)
    except (ValueError, KeyError) as error:
        raise ResourceUnavailable(f"the answer of {program} can't be read: {error}") from error


def _says(result: Completed, words: tuple[str, ...]) -> bool:
    text = (result.stderr + result.stdout).lower()
    return any(word in text for word in words)


def _failure(program: str, result: Completed) -> str:
    words = last_words(result.stderr) or f"exit status {result.returncode}"
    return f"Slurm does not answer {program}: {words.rstrip('.')}."
