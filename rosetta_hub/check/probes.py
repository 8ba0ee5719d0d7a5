"""Getting the agent's check to a node and its findings back: as a job, or over the access."""

import asyncio
import contextlib
import json
import secrets
import time
from abc import ABC, abstractmethod
from typing import Any

from rosetta_hub.access import Completed
from rosetta_hub.agents.bundle import (
    build_batch_script,
    build_remote_command,
    build_remote_stdin,
)
from rosetta_hub.catalogue.computing_conf import RemoteConf, SshConf
from rosetta_hub.check.context import CheckFailed, Context
from rosetta_hub.check.spec import LINGER, PULL_TIMEOUT, build_spec
from rosetta_hub.resources.dialects.dialect import last_words
from rosetta_hub.resources.direct_launcher import build_local_invocation
from rosetta_hub.resources.wms import Job, JobRequest, JobState, Wms

ASK_TIMEOUT = 60
# Seconds: a shared home may be slow to show files.
HOME_LAG = 30
JOB_TIME = PULL_TIMEOUT + 300
POLL_INTERVAL = 0.5


def _python(context: Context) -> str:
    conf = context.computing.conf
    return conf.python if isinstance(conf, RemoteConf) else "python3"


class FileProbe(ABC):
    """A probe whose findings come back in a file (0600) of the account's home.

    For a job this means that login node and nodes share the home. The file is removed at the end.
    """

    def __init__(self, context: Context) -> None:
        self.spec = build_spec(context)
        self._result = str(self.spec["check"]["result"])
        self._context = context
        self._seen = False

    @abstractmethod
    async def start(self) -> str:
        """Start it; says what was started.

        Raises:
            CheckFailed: it does not start.
        """

    @abstractmethod
    async def _is_over(self) -> bool:
        """Whether it runs no more."""

    @abstractmethod
    async def _stop(self) -> None:
        """Stop one that does not end by itself."""

    @abstractmethod
    async def _how_it_ended(self) -> str:
        """For a message."""

    async def find(self, name: str) -> Any:
        """Wait until it is in the file.

        Raises:
            CheckFailed: the probe is over without it.
        """
        over_at = None
        while True:
            findings = await self._read()
            if name in findings:
                self._seen = True
                return findings[name]
            if over_at is None and await self._is_over():
                over_at = time.monotonic()
            if over_at is not None and time.monotonic() - over_at > HOME_LAG:
                raise CheckFailed(await self._how_it_ended(), _NO_RESULT)
            await asyncio.sleep(POLL_INTERVAL)

    async def end(self) -> str:
        """Let it end, stop it if it does not, and remove its files.

        Raises:
            CheckFailed: it is still there.
        """
        try:
            await self._in_home("touch", f"{self._result}.stop")
            # One that has not been seen to run does not see the file.
            ended = await self._ends_within(30 if self._seen else 0)
            if not ended:
                await self._stop()
                ended = await self._ends_within(60)
        finally:
            for suffix in ("", ".part", ".stop"):
                await self._in_home("rm -f", f"{self._result}{suffix}")
        if not ended:
            raise CheckFailed("the probe still runs", "Stop it by hand; see why it can't be.")
        return await self._how_it_ended()

    async def _ends_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not await self._is_over():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(POLL_INTERVAL)
        return True

    async def _read(self) -> dict[str, Any]:
        answer = await self._in_home("cat", self._result)
        with contextlib.suppress(ValueError):
            findings = json.loads(answer)
            return findings if isinstance(findings, dict) else {}
        return {}

    async def _in_home(self, command: str, name: str) -> str:
        # Where commands start is the home over SSH only.
        argv = ["sh", "-c", f'{command} "$HOME/$1"', "sh", name]
        return (await self._context.access.run(argv, "", ASK_TIMEOUT)).stdout


_NO_RESULT = (
    "It wrote no result into the home. See that the nodes have the 'python' of 'conf', 3.6 or"
    " newer, that the account can make 'work_dir' on them (exit status 2), and that they and the"
    " login node share the home of the account."
)


class JobProbe(FileProbe):
    """The probe as a job."""

    def __init__(self, context: Context, wms: Wms) -> None:
        super().__init__(context)
        self._wms = wms
        self._name = f"rosetta-check-{secrets.token_hex(4)}"
        self._job_id = ""

    async def start(self) -> str:
        """Submit, wait for the start and for the first findings."""
        conf = self._context.computing.conf
        prologue = conf.prologue if isinstance(conf, RemoteConf) else ()
        program = build_batch_script(self.spec, _python(self._context), "check", prologue)
        self._job_id = await self._wms.submit(self._request(), program)
        started = time.monotonic()
        job = await self._wait_for_start(started)
        node = await self.find("node")
        self._context.node = (job.node if job else None) or str(node)
        waited = time.monotonic() - started
        return f"job {self._job_id} runs on {self._context.node} after {waited:.0f} s"

    async def _wait_for_start(self, started: float) -> Job | None:
        limit = self._context.queue_timeout
        while (job := await self._job()) is not None and job.state is JobState.PENDING:
            if time.monotonic() - started > limit:
                why = job.reason or job.scheduler_state
                raise CheckFailed(
                    f"job {self._job_id} waits for {limit:.0f} s: {why}",
                    "See whether the account may use the default partition; give the check more"
                    " time with --wait where the queue is long.",
                )
            await asyncio.sleep(POLL_INTERVAL)
        return job

    def _request(self) -> JobRequest:
        computing = self._context.computing
        limit = min(filter(None, (JOB_TIME, computing.max_time)))
        memory = computing.default_memory
        extra = computing.submit_options
        return JobRequest(self._name, cpus=1, memory=memory, time_limit=limit, extra=extra)

    async def _is_over(self) -> bool:
        return not self._job_id or await self._job() is None

    async def _stop(self) -> None:
        await self._wms.cancel(self._job_id)

    async def _how_it_ended(self) -> str:
        end = await self._wms.end(self._job_id) if self._job_id else None
        if end is None:
            return f"job {self._job_id} is over" if self._job_id else "no job was submitted"
        code = f", exit status {end.exit_code}" if end.exit_code is not None else ""
        return f"job {self._job_id} ended: {end.cause}{code} ({end.scheduler_state})"

    async def _job(self) -> Job | None:
        jobs = await self._wms.jobs([self._context.account])
        return next((job for job in jobs if job.id == self._job_id), None)


class HostProbe(FileProbe):
    """The probe on a machine without a scheduler, run over the access itself."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._running: asyncio.Task[Completed] | None = None

    async def start(self) -> str:
        """Run it, and wait for the first findings."""
        argv, program = self._invocation()
        running = self._context.access.run(argv, program, PULL_TIMEOUT + LINGER + 60)
        self._running = asyncio.ensure_future(running)
        self._context.node = str(await self.find("node"))
        if isinstance(self._context.computing.conf, SshConf):
            self._context.node = self._context.computing.conf.host
        return "the probe runs"

    def _invocation(self) -> tuple[list[str], str]:
        if not isinstance(self._context.computing.conf, SshConf):
            return build_local_invocation("check", self.spec)
        python = _python(self._context)
        return build_remote_command("check", python), build_remote_stdin(self.spec)

    async def _is_over(self) -> bool:
        return self._running is None or self._running.done()

    async def _stop(self) -> None:
        if self._running is not None:
            self._running.cancel()

    async def _how_it_ended(self) -> str:
        if self._running is None or self._running.cancelled():
            return "the probe was stopped"
        error = self._running.exception()
        if error is not None:
            return f"the probe was lost: {error}"
        result = self._running.result()
        if result.returncode != 0:
            return f"the probe ended with status {result.returncode}: {last_words(result)}"
        return "the probe ended; nothing is left"
