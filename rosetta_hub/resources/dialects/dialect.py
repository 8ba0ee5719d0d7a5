"""What differs between schedulers: command lines and the reading of answers, all of it pure."""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import ClassVar

from rosetta_hub.access import Completed
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.resources.dialects.templates import cancel_words, submit_words
from rosetta_hub.resources.inventory import Partition
from rosetta_hub.resources.wms import Job, JobEnd, JobRefused, JobRequest

# A login name as POSIX has it, a little wider; it goes into queries.
_USER = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.@-]*\$?$")


class Dialect(ABC):
    """One scheduler's language.

    A subclass defines `name`, `spawner` (the batchspawner class with its commands), `no_answer`
    (what the commands say when the scheduler could not be asked), `no_job` (what they say of a
    job that it does not know), `refuses` (request fields that it has no word for) and the methods
    below. Answers are read to their end or not at all: what can't be read is
    `ResourceUnavailable`.
    """

    name: ClassVar[str]
    spawner: ClassVar[str]
    no_answer: ClassVar[re.Pattern[str]]
    no_job: ClassVar[re.Pattern[str]]
    refuses: ClassVar[frozenset[str]] = frozenset()
    script_directory: str | None = None
    """Where scripts are written first, for a scheduler that takes none on standard input."""

    # --- command lines ---------------------------------------------------------------------------

    def build_submit_command(self, request: JobRequest) -> list[str]:
        """The submit command; the administrator's options stand last, so that they win."""
        return [*submit_words(self.spawner), *self.build_options(request), *request.extra]

    def build_submit_input(self, request: JobRequest, script: str) -> str:
        """What the submit command reads: the script."""
        return script

    def build_cancel_command(self, job_id: str) -> list[str]:
        """Cancels a job."""
        return cancel_words(self.spawner, job_id)

    @abstractmethod
    def build_options(self, request: JobRequest) -> list[str]:
        """The options of the submit command."""

    @abstractmethod
    def build_jobs_command(self, users: Sequence[str]) -> list[str]:
        """One query for the jobs of these users (or of all)."""

    @abstractmethod
    def build_version_command(self) -> list[str]:
        """Prints the scheduler's version."""

    def build_history_command(self, name: str, user: str) -> list[str] | None:
        """Jobs of that name that have ended; None where the queue shows them itself."""
        return None

    @abstractmethod
    def build_end_command(self, job_id: str) -> list[str]:
        """Asks how a job ended."""

    def build_queues_command(self) -> list[str] | None:
        """Lists the queues; None where that is not simple."""
        return None

    # --- answers ---------------------------------------------------------------------------------

    @abstractmethod
    def parse_job_id(self, text: str) -> str:
        """The id in the answer of the submit command; empty when there is none."""

    @abstractmethod
    def parse_jobs(self, text: str, now: datetime) -> list[Job]:
        """All jobs of an answer, ended ones included where the scheduler shows them."""

    def parse_history(self, text: str) -> list[Job]:
        """Jobs that have ended, of the history command's answer."""
        return []

    @abstractmethod
    def parse_end(self, text: str, job_id: str) -> JobEnd | None:
        """How a job ended; None while it has not."""

    def parse_queues(self, text: str) -> tuple[Partition, ...]:
        """The queues of the queues command's answer."""
        return ()

    def parse_name(self, text: str, job_id: str) -> str:
        """Name of a job in the answer to `build_end_command`; empty when it is not in it."""
        return ""

    # --- failures --------------------------------------------------------------------------------

    def check_request(self, request: JobRequest) -> None:
        """See that the scheduler has words for all that is asked.

        Raises:
            JobRefused: it has not, with the name of the option.
        """
        names = [field.name for field in fields(request) if getattr(request, field.name)]
        if wrong := sorted(self.refuses.intersection(names)):
            raise JobRefused(
                f"This resource's scheduler ({self.name}) has no option for"
                f" {' and '.join(wrong).replace('_', ' ')}. Leave it out."
            )

    def is_no_answer(self, answer: Completed) -> bool:
        """Whether the scheduler could not be asked, whatever the exit status."""
        # 126, 127: the command can't be run. Some say that they wait, and then succeed.
        silent = answer.returncode != 0 or not answer.stdout.strip()
        match = self.no_answer.search(answer.stderr + answer.stdout[:2000])
        return answer.returncode in (126, 127) or (silent and match is not None)

    def is_no_job(self, answer: Completed) -> bool:
        """Whether the scheduler answered that it does not know the job."""
        return bool(self.no_job.search(answer.stderr + answer.stdout[:2000]))


def check_users(users: Sequence[str]) -> None:
    """Names that may stand in a query.

    Raises:
        ResourceUnavailable: one is no login name.
    """
    for user in users:
        if not _USER.match(user):
            raise ResourceUnavailable(f"{user!r} is not a login name")


def last_words(answer: Completed) -> str:
    """The last lines of what a command said, for a message."""
    lines = [line.strip() for line in (answer.stderr or answer.stdout).splitlines()]
    lines = [line for line in lines if line and line != "Exiting."]
    return " ".join(lines[-3:])[-500:] or f"exit status {answer.returncode}"


def unreadable(name: str, text: str) -> ResourceUnavailable:
    """The error for an answer that can't be read."""
    start = " ".join(text.split())[:120]
    return ResourceUnavailable(f"{name} gave an answer that can't be read: {start!r}")


def parse_clock(text: str) -> int | None:
    """Seconds of `HH:MM:SS`, `DD:HH:MM:SS` or a plain number; None for anything else."""
    parts = text.strip().split(":")
    if not all(part.isdecimal() for part in parts) or len(parts) > 4:
        return None
    factors = (1, 60, 3600, 86400)
    return sum(int(part) * factor for part, factor in zip(reversed(parts), factors, strict=False))


def wrap_for_shell(script: str) -> str:
    """A Python script that /bin/sh can run, too: it starts the interpreter of the first line.

    For schedulers that hand every script to a shell. Other scripts are left as they are.
    """
    first, _, rest = script.partition("\n")
    if not first.startswith("#!") or "python" not in first or rest.startswith("''''exec "):
        return script
    interpreter = first[2:].strip()
    return f"#!/bin/sh\n''':'\nexec {interpreter} \"$0\" \"$@\"\n'''\n{rest}"
