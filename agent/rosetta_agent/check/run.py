"""Carries out one check, and leaves nothing behind but the image."""

import functools
import signal
import sys
from typing import Any

from rosetta_agent.check.findings import Findings, exit_status, publish, wait_until_read
from rosetta_agent.check.node import look_around
from rosetta_agent.check.spec import CheckSpec
from rosetta_agent.job import Job
from rosetta_agent.sandbox import Sandbox


def run_check(job: Job, spec: CheckSpec) -> int:
    """Look at everything and tell the hub; returns the exit status.

    Raises:
        JobError: the sandbox of a task cannot be made here.
        TaskFailure: the disk is full.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _end)
    sandbox = Sandbox(job.attempt)
    sandbox.create()
    try:
        tell = functools.partial(publish, spec.result) if spec.result else _ignore
        findings = look_around(job, spec, sandbox, tell)
        if not spec.result:
            return exit_status(findings)
        tell(dict(findings, done=True))
        wait_until_read(spec.result, spec.linger)
        return 0
    finally:
        sandbox.remove()


def _ignore(_findings: Findings) -> None:
    """Nobody reads findings before the end."""


def _end(_number: int, _frame: Any) -> None:
    """Clean up on the way out."""
    sys.exit(1)
