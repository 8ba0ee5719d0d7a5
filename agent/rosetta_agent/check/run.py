"""Carries out one check, and leaves nothing behind but the image."""

import functools
import signal
import sys
from typing import Any

from rosetta_agent.check.check_spec import CheckSpec
from rosetta_agent.check.findings import Findings, exit_status, publish, wait_until_read
from rosetta_agent.check.node import look_around
from rosetta_agent.sandbox import Sandbox
from rosetta_agent.spec import AgentSpec


def run_check(spec: AgentSpec, check: CheckSpec) -> int:
    """Look at everything and tell the hub; returns the exit status.

    Raises:
        SpecError: the sandbox of a task cannot be made here.
        TaskFailure: the disk is full.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _end)
    sandbox = Sandbox(spec.attempt)
    sandbox.create()
    try:
        tell = functools.partial(publish, check.result) if check.result else _ignore
        findings = look_around(spec, check, sandbox, tell)
        if not check.result:
            return exit_status(findings)
        tell(dict(findings, done=True))
        wait_until_read(check.result, check.linger)
        return 0
    finally:
        sandbox.remove()


def _ignore(_findings: Findings) -> None:
    """Nobody reads findings before the end."""


def _end(_number: int, _frame: Any) -> None:
    """Clean up on the way out."""
    sys.exit(1)
