"""The schedulers of batchspawner behind the protocol `Wms`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath

from rosetta_hub.access import Access, Completed
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.resources.dialects.condor import Condor
from rosetta_hub.resources.dialects.dialect import Dialect, check_users, last_words
from rosetta_hub.resources.dialects.lsf import Lsf
from rosetta_hub.resources.dialects.moab import Moab
from rosetta_hub.resources.dialects.pbs import Pbs
from rosetta_hub.resources.dialects.sge import Sge
from rosetta_hub.resources.dialects.torque import Torque
from rosetta_hub.resources.inventory import Inventory
from rosetta_hub.resources.wms import (
    NO_MORE_TIME,
    QUERY_TIMEOUT,
    SUBMIT_TIMEOUT,
    USUAL_PATH,
    Job,
    JobEnd,
    JobRefused,
    JobRequest,
    JobState,
)

# By the name that a computing resource has in its configuration (`wms`).
DIALECTS: dict[str, type[Dialect]] = {
    "torque": Torque,
    "pbs": Pbs,
    "moab": Moab,
    "sge": Sge,
    "lsf": Lsf,
    "condor": Condor,
}


class BatchWms:
    """A scheduler, used as one identity through its own commands.

    `path`: directories in which the commands are looked for first; none: PATH of the account.
    """

    def __init__(self, access: Access, dialect: Dialect, path: Sequence[str] = ()) -> None:
        self._access = access
        self._prefix = ["env", f"PATH={':'.join((*path, *USUAL_PATH))}"] if path else []
        self._dialect = dialect
        self._own_name = ""

    async def submit(self, request: JobRequest, script: str) -> str:
        """Submit a batch script; returns the job's id.

        Raises:
            JobRefused: the scheduler said no.
            ResourceUnavailable: it may have been submitted or not: look for its name.
        """
        dialect = self._dialect
        dialect.check_request(request)
        if dialect.script_directory is not None:
            await self._write_script(dialect.script_directory, request.name, script)
        answer = await self._access.run(
            [*self._prefix, *dialect.build_submit_command(request)],
            dialect.build_submit_input(request, script),
            SUBMIT_TIMEOUT,
        )
        if dialect.is_no_answer(answer):
            raise ResourceUnavailable(f"{dialect.name} did not answer: {last_words(answer)}")
        job_id = dialect.parse_job_id(answer.stdout) if answer.returncode == 0 else ""
        if not job_id and answer.returncode != 0:
            await self._remove_script(request.name)
            raise JobRefused(f"The scheduler refused the job: {last_words(answer)}")
        if not job_id:
            raise ResourceUnavailable(
                f"{dialect.name} answered without a job id: {last_words(answer)}"
            )
        return job_id

    async def jobs(self, users: Sequence[str]) -> list[Job]:
        """All waiting and running jobs of these users, in one query.

        Raises:
            ResourceUnavailable: the scheduler did not answer, or not readably.
        """
        if not users:
            return []
        jobs = await self._queue(users)
        return [job for job in jobs if job.user in users and job.state is not JobState.ENDED]

    async def find(self, name: str) -> list[Job]:
        """This identity's own jobs of that name, those that have just ended included.

        Raises:
            ResourceUnavailable: the scheduler did not answer, or not readably.
        """
        own = await self._own()
        jobs = await self._queue([own])
        history = self._dialect.build_history_command(name, own)
        if history is not None:
            ids = {job.id for job in jobs}
            ended = self._dialect.parse_history((await self._ask(history)).stdout)
            jobs += [job for job in ended if job.id not in ids]
        return [job for job in jobs if job.name == name and job.user == own]

    async def end(self, job_id: str) -> JobEnd | None:
        """How a job ended; None while it has not, or where the scheduler does not know the job.

        Raises:
            ResourceUnavailable: the scheduler did not answer, or not readably.
        """
        answer = await self._ask(self._dialect.build_end_command(job_id))
        if self._dialect.is_no_job(answer):
            return None
        end = self._dialect.parse_end(answer.stdout, job_id)
        if end is not None and self._dialect.script_directory is not None:
            await self._remove_script(self._dialect.parse_name(answer.stdout, job_id))
        return end

    async def ends(self, job_ids: Sequence[str]) -> dict[str, JobEnd]:
        """None of them: the commands of these schedulers tell of one job at a time."""
        return {}

    async def cancel(self, job_id: str) -> None:
        """Cancel a job in whatever state it is; one that is over is no error.

        Raises:
            ResourceUnavailable: it is not sure that it is cancelled.
        """
        await self._ask(self._dialect.build_cancel_command(job_id))

    async def extend(self, job_id: str, seconds: int) -> None:
        """Not offered: administrators alone lengthen what runs, or the site has to allow it (LSF).

        Raises:
            JobRefused: always.
        """
        raise JobRefused(NO_MORE_TIME)

    async def inventory(self) -> Inventory:
        """The queues, where the scheduler lists them simply; nothing of what is idle.

        Raises:
            ResourceUnavailable: the scheduler did not answer, or not readably.
        """
        command = self._dialect.build_queues_command()
        queues = (
            () if command is None else self._dialect.parse_queues((await self._ask(command)).stdout)
        )
        return Inventory(partitions=queues, collected=_now())

    async def version(self) -> str:
        """The scheduler's own words on its version.

        Raises:
            ResourceUnavailable: its commands can't be run.
        """
        command = [*self._prefix, *self._dialect.build_version_command()]
        answer = await self._access.run(command, "", QUERY_TIMEOUT)
        text = (answer.stdout or answer.stderr).strip().splitlines()
        if answer.returncode in (126, 127) or not text:
            raise ResourceUnavailable(last_words(answer))
        return text[0].strip()

    async def _queue(self, users: Sequence[str]) -> list[Job]:
        check_users(users)
        answer = await self._ask(self._dialect.build_jobs_command(users))
        if self._dialect.is_no_job(answer):
            return []
        return self._dialect.parse_jobs(answer.stdout, _now())

    async def _ask(self, argv: list[str]) -> Completed:
        """An answer of the scheduler; that it does not know a job is one, too."""
        answer = await self._access.run([*self._prefix, *argv], "", QUERY_TIMEOUT)
        failed = answer.returncode != 0 and not self._dialect.is_no_job(answer)
        if failed or self._dialect.is_no_answer(answer):
            raise ResourceUnavailable(f"{argv[0]} got no answer: {last_words(answer)}")
        return answer

    async def _own(self) -> str:
        if not self._own_name:
            answer = await self._access.run(["id", "-un"], "", QUERY_TIMEOUT)
            if answer.returncode != 0 or not answer.stdout.strip():
                raise ResourceUnavailable(f"the account's name is not known: {last_words(answer)}")
            self._own_name = answer.stdout.strip()
        return self._own_name

    # --- scripts in files ------------------------------------------------------------------------

    async def _write_script(self, directory: str, name: str, script: str) -> None:
        path = script_path(directory, name)
        for argv, text in (
            # The directory's mode keeps others out before the file is there.
            (["mkdir", "-p", "-m", "700", directory], ""),
            (["chmod", "700", directory], ""),
            (["dd", f"of={path}", "status=none"], script),
            (["chmod", "700", path], ""),
        ):
            answer = await self._access.run(argv, text, SUBMIT_TIMEOUT)
            if answer.returncode != 0:
                raise ResourceUnavailable(f"the script was not written: {last_words(answer)}")

    async def _remove_script(self, name: str) -> None:
        directory = self._dialect.script_directory
        if directory is not None and name:
            path = script_path(directory, name)
            await self._access.run(["rm", "-f", path], "", QUERY_TIMEOUT)


def script_path(directory: str, name: str) -> str:
    """The file of a job's script; a job's name is no path."""
    return str(PurePosixPath(directory) / PurePosixPath(name).name)


def _now() -> datetime:
    return datetime.now(UTC)


def build_batch_wms(name: str, access: Access, path: Sequence[str] = ()) -> BatchWms:
    """The scheduler of a resource, as the identity that `access` has; `path`: see BatchWms."""
    return BatchWms(access, DIALECTS[name](), path)
