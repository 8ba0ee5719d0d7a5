"""``rosetta_agent run`` and ``rosetta_agent stop``; the order is JSON on standard input.

One line of JSON comes back on standard output, an error on standard error too. ``run``:
``launched``, ``already_running`` (both with the agent's ``pid``) or ``refused`` with an
``error`` (exit status 2). ``stop``: ``stopped``, or ``unknown`` with an ``error`` (exit
status 1) when the engine did not answer, so that the container may still be
there.
"""

import json
import logging
import os
import sys
import time
from typing import Any, Dict, List

from rosetta_agent.agent import Agent, left_behind, process_of
from rosetta_agent.engines import create_engine
from rosetta_agent.errors import AgentError, StateUnknown, TaskFailure
from rosetta_agent.job import Job, StopOrder, parse_job, parse_stop_order
from rosetta_agent.processes import send, terminate, wait_gone
from rosetta_agent.sandbox import Sandbox

LOG = logging.getLogger(__name__)
_MAX_ORDER = 1 << 20
_USAGE = "usage: rosetta_agent run|stop  (the order is JSON on standard input)"


def main(arguments: List[str]) -> int:
    """Carry out one order; returns the exit status."""
    actions = {"run": run, "stop": stop}
    if len(arguments) != 1 or arguments[0] not in actions:
        sys.stderr.write(_USAGE + "\n")
        return 2
    os.umask(0o077)
    try:
        return actions[arguments[0]](sys.stdin.read(_MAX_ORDER))
    except AgentError as error:
        say(**refusal(error))
        return 2


def refusal(error: AgentError) -> Dict[str, Any]:
    """The line for an order that is not carried out."""
    return {"state": "refused", "reason": getattr(error, "reason", None), "error": str(error)}


def say(**line: Any) -> None:
    """Answer the caller; an error goes to people too."""
    if line.get("error"):
        sys.stderr.write(line["error"] + "\n")
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def run(text: str) -> int:
    """Launch an agent for the job, unless one looks after it already."""
    job = parse_job(text)
    sandbox = Sandbox(job.attempt)
    try:
        sandbox.create()
    except TaskFailure:
        sandbox.remove()
        raise
    if not sandbox.lock():
        known = process_of(sandbox)
        say(state="already_running", pid=None if known is None else known.pid)
        return 0
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _detach(job, sandbox, writing)
    os.close(writing)
    os.waitpid(child, 0)
    with open(reading, encoding="ascii") as pipe:
        answer = pipe.read()
    line: Dict[str, Any] = json.loads(answer or '{"state": "refused", "error": "it ended at once"}')
    say(**line)
    return 0 if line["state"] == "launched" else 2


def _detach(job: Job, sandbox: Sandbox, writing: int) -> None:
    """Become a process of our own; never returns. The lock goes along with the open file."""
    os.setsid()
    if os.fork():
        os._exit(0)
    status = 1
    try:
        agent = _prepare(job, sandbox, writing)
        agent.run()
        status = 0
    except AgentError as error:
        _tell(writing, **refusal(error))
        sandbox.remove()
    except BaseException:
        LOG.exception("the agent failed")
    os._exit(status)


def _prepare(job: Job, sandbox: Sandbox, writing: int) -> Agent:
    os.chdir("/")
    _redirect(sandbox.file("agent.log"))
    agent = Agent(job, sandbox)
    _tell(writing, state="launched", pid=os.getpid())
    return agent


def _tell(writing: int, **line: Any) -> None:
    """Answer the waiting caller through the pipe, once."""
    try:
        os.write(writing, json.dumps(line).encode("ascii"))
        os.close(writing)
    except OSError:
        LOG.info("the caller has been answered already")


def _redirect(path: str) -> None:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.close(nowhere)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )


def stop(text: str) -> int:
    """Stop the attempt and wait until nothing of it is left, with its agent or without."""
    order = parse_stop_order(text)
    sandbox = Sandbox(order.attempt)
    deadline = time.monotonic() + order.grace + 60.0
    while sandbox.exists() and not sandbox.lock():
        known = process_of(sandbox)
        send(known, 15)
        if known is None or not wait_gone(known, max(0.1, deadline - time.monotonic())):
            time.sleep(0.05)
        if time.monotonic() > deadline:
            say(state="unknown", error="the agent did not end in time")
            return 1
    return _stop_without_agent(order, sandbox)


def _stop_without_agent(order: StopOrder, sandbox: Sandbox) -> int:
    try:
        create_engine(order.attempt, sandbox).remove(order.grace)
    except StateUnknown as error:
        # Recorded before the container is started: without it there never was one.
        if sandbox.read_state().get("starting"):
            say(state="unknown", error=str(error))
            return 1
    except TaskFailure as failure:
        LOG.info("an engine that is not there runs nothing: %s", failure)
    for helper in left_behind(sandbox):
        terminate(helper, 2.0)
    if sandbox.exists():
        sandbox.remove()
    say(state="stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
