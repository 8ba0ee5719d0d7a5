"""What is left of an attempt whose agent was killed, and how it is removed."""

import logging
import os
import re
from typing import List, Optional

from rosetta_agent.engines import create_engine
from rosetta_agent.errors import StateUnknown, TaskFailure
from rosetta_agent.mounts import Mounts, find_attempts_with_mounts
from rosetta_agent.processes import ProcessId, identify, is_alive, terminate
from rosetta_agent.protocol import ENGINES
from rosetta_agent.sandbox import Sandbox, recorded_identity
from rosetta_agent.spec import Attempt

LOG = logging.getLogger(__name__)

_SANDBOX = re.compile(r"([0-9a-z][0-9a-z-]{0,39})-([0-9]{1,9})\Z")
_HELPERS = ("relay", "dialer")


def process_of(sandbox: Sandbox) -> Optional[ProcessId]:
    """The agent that looks after a sandbox, if it lives."""
    agent = recorded_identity(sandbox.read_state(), "agent")
    return agent if agent is not None and identify(agent.pid) == agent else None


def helpers_of(sandbox: Sandbox) -> List[ProcessId]:
    """Our living helpers of an attempt."""
    state = sandbox.read_state()
    identities = (recorded_identity(state, name) for name in _HELPERS)
    return [identity for identity in identities if identity is not None and is_alive(identity)]


def remove_container(attempt: Attempt, sandbox: Sandbox, grace: float) -> None:
    """Stop and remove the container of an attempt that has no agent, and end its helpers.

    Raises:
        StateUnknown: the engine did not answer, and there may be a container.
    """
    try:
        create_engine(attempt, sandbox).remove(grace)
    except StateUnknown:
        # Recorded before the container is started: without it there never was one.
        if sandbox.read_state().get("starting"):
            raise
    except TaskFailure as failure:
        LOG.info("an engine that is not there runs nothing: %s", failure)
    Mounts(attempt).release()
    for helper in helpers_of(sandbox):
        terminate(helper, 2.0)


def sweep(attempt: Attempt) -> None:
    """Remove what batch jobs of this user on this node left that were killed.

    An agent in a batch job is never replaced: nobody else would.
    """
    create_engine(attempt, Sandbox(attempt)).sweep()
    for name in find_attempts_with_mounts(attempt.work_dir):
        other = _attempt_of(attempt, name)
        if other is not None and not Sandbox(other).exists():
            Mounts(other).release()
    for name in sorted(os.listdir(attempt.work_dir)):
        other = _attempt_of(attempt, name)
        if other is not None and other != attempt:
            _sweep_sandbox(other)


def _attempt_of(attempt: Attempt, name: str) -> Optional[Attempt]:
    """The attempt that a directory belongs to, by its name."""
    match = _SANDBOX.match(name)
    if match is None:
        return None
    return attempt._replace(task=match.group(1), attempt=int(match.group(2)))


def _sweep_sandbox(attempt: Attempt) -> None:
    """Remove one that a batch job of this very node has left."""
    sandbox = Sandbox(attempt)
    state = sandbox.read_state()
    engine = state.get("engine")
    if state.get("batch") != os.uname().nodename or engine not in ENGINES:
        return
    if process_of(sandbox) is not None or not sandbox.lock():
        return
    LOG.info("removing what is left of %s, attempt %d", attempt.task, attempt.attempt)
    try:
        remove_container(attempt._replace(engine=engine), sandbox, 0.0)
        sandbox.remove()
    except StateUnknown as error:
        LOG.warning("the engine could not be asked: %s", error)
    finally:
        sandbox.unlock()
