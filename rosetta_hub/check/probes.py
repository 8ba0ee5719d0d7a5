"""Getting the probe to a node and its findings back: as a job, or over the access itself."""

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rosetta_hub.catalogue.conf import RemoteConf
from rosetta_hub.check import probe
from rosetta_hub.check.context import CheckFailed, Context
from rosetta_hub.check.node import agents_url
from rosetta_hub.resources.dialects.dialect import last_words
from rosetta_hub.resources.wms import Job, JobRequest, JobState, Wms

ASK_TIMEOUT = 60
# Seconds: a shared home may be slow to show files; a pull may take its time.
HOME_LAG = 30
PULL_TIMEOUT = 900
LINGER = 60
JOB_TIME = PULL_TIMEOUT + 300
POLL_INTERVAL = 1.0


def build_order(context: Context) -> dict[str, Any]:
    """What the probe is told; see probe.py."""
    computing, settings, word = context.computing, context.settings, secrets.token_hex(8)
    urls = {"service": f"{agents_url(context)}{settings.service_prefix}health"}
    if computing.way == "agent" and settings.tunnels_url:
        urls["tunnels"] = str(settings.tunnels_url)
    unix = {"unix": f"/tmp/rosetta-check-{word}/s"}  # noqa: S108 - made by the probe, 0700
    listens = computing.has_queue or computing.way == "direct"
    ca = Path(settings.agents_ca).read_text() if settings.agents_ca else None
    return {
        "engines": [engine.name for engine in computing.container_engines],
        "path": list(computing.conf.path),
        "image": _image(context),
        "urls": urls,
        "ca": ca,
        "listen": {"tcp": True} if listens else unix,
        "token": secrets.token_hex(16),
        "result": f".rosetta-check-{word}" if computing.has_queue else None,
        "pull_timeout": PULL_TIMEOUT,
        "linger": LINGER,
    }


def _image(context: Context) -> dict[str, str] | None:
    software = context.software
    if software is None:
        return None
    engine = context.computing.container_engines[0].name
    return {"engine": engine, "reference": software.image, "pull": software.pull}


def build_program(order: dict[str, Any], python: str = "python3") -> str:
    """The probe with its order, as a batch script or on the standard input of `python3 -`."""
    text = Path(probe.__file__).read_text()
    first = f"#!{python if python.startswith('/') else f'/usr/bin/env {python}'}"
    return f"{first}\n{text}\n\nmain(json.loads({json.dumps(order)!r}))\n"


def _python(context: Context) -> str:
    conf = context.computing.conf
    return conf.python if isinstance(conf, RemoteConf) else "python3"


class JobProbe:
    """The probe as a job.

    Its findings come back in a file (0600) of the account's home, which login node and nodes have
    in common; the file is removed at the end.
    """

    def __init__(self, context: Context, wms: Wms) -> None:
        self.order = build_order(context)
        self._context = context
        self._wms = wms
        self._name = f"rosetta-check-{secrets.token_hex(4)}"
        self._job_id = ""

    async def start(self) -> str:
        """Submit, wait for the start and for the first findings.

        Raises:
            CheckFailed: it was refused, or did not start in time, or says nothing.
        """
        program = build_program(self.order, _python(self._context))
        self._job_id = await self._wms.submit(self._request(), program)
        started = time.monotonic()
        while (job := await self._job()) is not None and job.state is JobState.PENDING:
            if time.monotonic() - started > self._context.queue_timeout:
                raise CheckFailed(
                    f"job {self._job_id} waits for {self._context.queue_timeout:.0f} s:"
                    f" {job.reason or job.scheduler_state}",
                    "See whether the account may use the default partition; give the check more"
                    " time with --wait where the queue is long.",
                )
            await asyncio.sleep(POLL_INTERVAL)
        self._context.node = (job.node if job else None) or ""
        node = await self.find("node")
        self._context.node = self._context.node or str(node)
        waited = time.monotonic() - started
        return f"job {self._job_id} runs on {self._context.node} after {waited:.0f} s"

    def _request(self) -> JobRequest:
        computing = self._context.computing
        limit = min(filter(None, (JOB_TIME, computing.max_time)))
        memory = computing.default_memory
        extra = computing.submit_options
        return JobRequest(self._name, cpus=1, memory=memory, time_limit=limit, extra=extra)

    async def find(self, name: str) -> Any:
        """Wait until it is in the file.

        Raises:
            CheckFailed: the job is over without it.
        """
        gone_at = None
        while True:
            findings = await self._read()
            if name in findings:
                return findings[name]
            if gone_at is None and await self._job() is None:
                gone_at = time.monotonic()
            if gone_at is not None and time.monotonic() - gone_at > HOME_LAG:
                raise CheckFailed(await self._how_it_ended(), _NO_RESULT)
            await asyncio.sleep(POLL_INTERVAL)

    async def end(self) -> str:
        """Let the job end, cancel it if it does not, and remove its files.

        Raises:
            CheckFailed: it is still there.
        """
        result = self.order["result"]
        try:
            await self._command(["touch", f"{result}.stop"])
            ended = await self._ended(30)
            if not ended and self._job_id:
                await self._wms.cancel(self._job_id)
                ended = await self._ended(60)
        finally:
            await self._command(["rm", "-f", result, f"{result}.part", f"{result}.stop"])
        if not ended:
            raise CheckFailed(
                f"job {self._job_id} is still in the queue",
                f"Cancel job {self._job_id} by hand, and see why the scheduler does not.",
            )
        return await self._how_it_ended()

    async def _ended(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._job_id and await self._job() is not None:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(POLL_INTERVAL)
        return True

    async def _how_it_ended(self) -> str:
        end = await self._wms.end(self._job_id) if self._job_id else None
        if end is None:
            return f"job {self._job_id} is over"
        code = f", exit status {end.exit_code}" if end.exit_code is not None else ""
        return f"job {self._job_id} ended: {end.cause}{code} ({end.scheduler_state})"

    async def _job(self) -> Job | None:
        jobs = await self._wms.jobs([self._context.account])
        return next((job for job in jobs if job.id == self._job_id), None)

    async def _read(self) -> dict[str, Any]:
        answer = await self._command(["cat", self.order["result"]])
        with contextlib.suppress(ValueError):
            found = json.loads(answer)
            return found if isinstance(found, dict) else {}
        return {}

    async def _command(self, argv: list[str]) -> str:
        return (await self._context.access.run(argv, "", ASK_TIMEOUT)).stdout


_NO_RESULT = (
    "The job wrote no result into the home. See that the nodes have the 'python' of 'conf', and"
    " that they and the login node share the home of the account."
)


class HostProbe:
    """The probe on a machine without a scheduler; its findings are its output."""

    def __init__(self, context: Context, quit_probe: Callable[[], Awaitable[None]]) -> None:
        self.order = build_order(context)
        self._context = context
        self._quit = quit_probe
        self._running: asyncio.Task[dict[str, Any]] | None = None

    async def start(self) -> str:
        """Start it; it answers soon."""
        self._running = asyncio.create_task(self._run(), name="the probe")
        return "the probe was started"

    async def _run(self) -> dict[str, Any]:
        argv = [_python(self._context), "-I", "-"]
        program = build_program(self.order)
        answer = await self._context.access.run(argv, program, PULL_TIMEOUT + 300)
        if answer.returncode != 0:
            raise CheckFailed(
                f"the probe ended with status {answer.returncode}: {last_words(answer)}",
                "See that the machine has the 'python' of 'conf', 3.6 or newer.",
            )
        try:
            findings = json.loads(answer.stdout.strip().splitlines()[-1])
        except (ValueError, IndexError) as error:
            raise CheckFailed(
                "the probe said nothing", "See what the account's shell prints."
            ) from error
        return dict(findings)

    async def find(self, name: str) -> Any:
        """Wait for its end, and read it."""
        if self._running is None:
            return None
        if not self._running.done():
            await self._quit()
        findings = await self._running
        self._context.node = str(findings["node"])
        return findings.get(name)

    async def end(self) -> str:
        """Wait for its end."""
        if self._running is not None:
            await self._quit()
            await self._running
        return "nothing is left there"
