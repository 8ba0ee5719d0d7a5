"""No workload manager: the agent is started at once and detaches itself."""

import contextlib
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from rosetta_agent.protocol import REASONS, STOP_SECONDS
from rosetta_hub.access import Access, Completed
from rosetta_hub.agents.bundle import Verb
from rosetta_hub.errors import ResourceUnavailable

# Seconds. The agent detaches in well under one; a loaded machine may need longer.
LAUNCH_TIMEOUT = 60
# What a command that stops may take beyond the agent's own deadline: to get there, and to begin.
STOP_MARGIN = 30


# From a verb and a job to the command that carries it out and its standard input.
BuildInvocation = Callable[[Verb, Mapping[str, Any]], tuple[list[str], str]]


class AgentRefused(Exception):
    """The agent answered that the job can't be done; the message says why.

    `reason` is one of those of the agent's protocol.
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class DirectLauncher:
    """Starts and stops agents by running them.

    Both calls may be repeated: an agent that runs already is left alone, and one that was killed
    is replaced by one that takes over its container.
    """

    def __init__(self, access: Access, build_invocation: BuildInvocation) -> None:
        self._access = access
        self._build_invocation = build_invocation

    async def submit(self, spec: Mapping[str, Any]) -> None:
        """Start the agent of a job, or see that it runs.

        Raises:
            AgentRefused: the job is not one that the agent can do.
            ResourceUnavailable: it is not known whether the agent runs; ask again.
        """
        answer = await self._agent("run", spec, LAUNCH_TIMEOUT)
        if answer.returncode == 2:
            raise AgentRefused(_last_line(answer), _reason(answer))
        if answer.returncode != 0:
            raise ResourceUnavailable(f"the agent did not start: {_last_line(answer)}")

    async def cancel(self, spec: Mapping[str, Any]) -> None:
        """Stop the agent and its container; returns when nothing of them is left.

        Raises:
            ResourceUnavailable: it could not be made sure; ask again.
        """
        limit = float(spec["stop"]) + STOP_SECONDS + STOP_MARGIN
        answer = await self._agent("stop", spec, limit)
        if answer.returncode != 0:
            raise ResourceUnavailable(f"the agent could not stop: {_last_line(answer)}")

    async def _agent(self, verb: Verb, spec: Mapping[str, Any], timeout: float) -> Completed:
        argv, stdin = self._build_invocation(verb, spec)
        return await self._access.run(argv, stdin, timeout)


def build_local_invocation(verb: Verb, spec: Mapping[str, Any]) -> tuple[list[str], str]:
    """Command and standard input of the agent that is installed here."""
    # -I: neither the environment nor the working directory adds modules to the agent's.
    return [sys.executable, "-I", "-m", "rosetta_agent", verb], json.dumps(spec)


def _last_line(answer: Completed) -> str:
    lines = (answer.stderr or answer.stdout).strip().splitlines()
    return lines[-1][:500] if lines else f"exit status {answer.returncode}"


def _reason(answer: Completed) -> str:
    with contextlib.suppress(ValueError, AttributeError, RecursionError):
        reason = json.loads(answer.stdout).get("reason")
        if reason in REASONS:
            return str(reason)
    return "unsupported"
