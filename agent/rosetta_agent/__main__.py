"""``rosetta_agent run``, ``stop``, ``batch`` and ``check``; the spec is JSON on standard input.
``rosetta_agent files`` speaks the files protocol there (see rosetta_agent/files).

One line of JSON comes back on standard output, an error on standard error too. ``run``:
``launched``, ``already_running`` (both with the agent's ``pid``) or ``refused`` with an
``error`` (exit status 2). ``stop``: ``stopped``, or ``unknown`` with an ``error`` (exit
status 1) when not all has ended in time, so that the container may still be
there. ``batch`` is ``run`` in the foreground, inside a batch job; it tells the service
what it refuses. ``check`` looks at what tasks need here (see rosetta_agent/check).
"""

import contextlib
import json
import logging
import os
import signal
import sys
import time
from typing import Any, Dict, Iterator, List

from rosetta_agent.agent import Agent
from rosetta_agent.batch_job import Batch, enter
from rosetta_agent.check.check_spec import parse_check
from rosetta_agent.check.run import run_check
from rosetta_agent.cleanup import process_of, remove_container, sweep
from rosetta_agent.errors import AgentError, SpecError, StateUnknown, TaskFailure
from rosetta_agent.files import server
from rosetta_agent.processes import send, wait_gone
from rosetta_agent.protocol import STOP_SECONDS
from rosetta_agent.report import ReportedState, tell_end
from rosetta_agent.report_client import ReportClient
from rosetta_agent.sandbox import Sandbox, disk_full_is_a_failure
from rosetta_agent.spec import AgentSpec, Attempt, StopSpec, parse_spec, parse_stop_spec

LOG = logging.getLogger(__name__)
_MAX_SPEC = 1 << 20
_USAGE = "usage: rosetta_agent run|stop|batch|check|files  (the spec is JSON on standard input)"
#: How long an agent of an earlier start of the same job may take to end.
_PREDECESSOR_SECONDS = 60.0
_LAST_POST_SECONDS = 60.0
#: The PATH of jobs that have none. ``os.defpath`` lacks what administrators install themselves.
_USUAL_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"


def main(arguments: List[str]) -> int:
    """Carry out one verb; returns the exit status."""
    if arguments[:1] == ["files"]:
        return server.main(arguments[1:])
    actions = {"run": run, "stop": stop, "batch": batch, "check": check}
    if len(arguments) != 1 or arguments[0] not in actions:
        sys.stderr.write(_USAGE + "\n")
        return 2
    os.umask(0o077)
    _close_inherited()
    try:
        return actions[arguments[0]](sys.stdin.read(_MAX_SPEC))
    except AgentError as error:
        say(**refusal(error))
        return 2


def _close_inherited() -> None:
    """Close what the caller left open: an agent outlives the connection that started it."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            with contextlib.suppress(OSError):
                os.close(int(name))


def _search_first(attempt: Attempt) -> None:
    """Look for programs in the directories of the spec first.

    Slurm's jobs have no PATH, and engines look for programs of theirs in it.
    """
    os.environ["PATH"] = os.pathsep.join(attempt.path + (os.environ.get("PATH", _USUAL_PATH),))


def refusal(error: AgentError) -> Dict[str, Any]:
    """The line for a spec that is not carried out."""
    return {"state": "refused", "reason": getattr(error, "reason", None), "error": str(error)}


def say(**line: Any) -> None:
    """Answer the caller; an error goes to standard error, too."""
    if line.get("error"):
        sys.stderr.write(line["error"] + "\n")
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def run(text: str) -> int:
    """Launch an agent for the job, unless one looks after it already."""
    spec = parse_spec(text)
    _search_first(spec.attempt)
    sandbox = Sandbox(spec.attempt)
    sandbox.create()
    if not _lock(sandbox):
        agent = process_of(sandbox)
        say(state="already_running", pid=None if agent is None else agent.pid)
        return 0
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _detach(spec, sandbox, writing)
    os.close(writing)
    os.waitpid(child, 0)
    with open(reading, encoding="ascii") as pipe:
        answer = pipe.read()
    line: Dict[str, Any] = json.loads(answer or '{"state": "refused", "error": "it ended at once"}')
    say(**line)
    return 0 if line["state"] == "launched" else 2


def _detach(spec: AgentSpec, sandbox: Sandbox, writing: int) -> None:
    """Become a process of our own; never returns. The lock goes along with the open file."""
    os.setsid()
    if os.fork():
        os._exit(0)
    status = 1
    try:
        agent = _prepare(spec, sandbox, writing)
        agent.run()
        status = 0
    except AgentError as error:
        _tell(writing, **refusal(error))
        sandbox.discard()
    except BaseException:
        LOG.exception("the agent failed")
    os._exit(status)


def _prepare(spec: AgentSpec, sandbox: Sandbox, writing: int) -> Agent:
    os.chdir("/")
    with disk_full_is_a_failure():
        _redirect(sandbox.file("agent.log"))
    agent = Agent(spec, sandbox)
    _tell(writing, state="launched", pid=os.getpid())
    return agent


def batch(text: str) -> int:
    """Look after the job in the foreground; SIGTERM is the scheduler's warning.

    The same attempt may begin again, here or on another node, when its job is requeued:
    whatever an earlier start has left is removed, never adopted.
    """
    situation, spec = enter(parse_spec(text))
    _search_first(spec.attempt)
    try:
        agent = _prepare_batch(spec, situation)
    except AgentError as error:
        _report_refusal(spec, situation, error)
        raise
    agent.run()
    return 0


def _prepare_batch(spec: AgentSpec, situation: Batch) -> Agent:
    sandbox = Sandbox(spec.attempt)
    sandbox.create()
    deadline = time.monotonic() + _PREDECESSOR_SECONDS
    while not _lock(sandbox):
        if time.monotonic() > deadline:
            raise SpecError("another agent looks after this attempt")
        time.sleep(0.1)
    try:
        with contextlib.suppress(StateUnknown):  # the engine is asked again, and then it counts
            remove_container(spec.attempt, sandbox, 0.0)
            sweep(spec.attempt)
        sandbox.empty()
        with disk_full_is_a_failure():
            _redirect(sandbox.file("agent.log"))
        os.chdir("/")
        return Agent(spec, sandbox, situation)
    except AgentError:
        sandbox.remove()
        raise


def _lock(sandbox: Sandbox) -> bool:
    try:
        with disk_full_is_a_failure():
            return sandbox.lock()
    except TaskFailure:
        sandbox.discard()
        raise


def _report_refusal(spec: AgentSpec, situation: Batch, error: AgentError) -> None:
    """Nobody waits for the answer of a batch job: the service is told."""
    reason = getattr(error, "reason", None) or "unsupported"
    last = ReportedState("failed", str(error), reason=reason, detail=getattr(error, "detail", ""))
    report_client = ReportClient(spec.report_url, spec.secret, spec.report_ca)
    tell_end(report_client, last, situation.first_sequence + 1, _LAST_POST_SECONDS)


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
    spec = parse_stop_spec(text)
    _search_first(spec.attempt)
    try:
        with _deadline(spec.grace + STOP_SECONDS):
            _stop(spec)
    except StateUnknown as error:
        say(state="unknown", error=str(error))
        return 1
    say(state="stopped")
    return 0


def _stop(spec: StopSpec) -> None:
    sandbox = Sandbox(spec.attempt)
    while sandbox.exists() and not sandbox.lock():
        agent = process_of(sandbox)
        send(agent, signal.SIGTERM)
        if agent is None or not wait_gone(agent, spec.grace + STOP_SECONDS):
            time.sleep(0.05)
    remove_container(spec.attempt, sandbox, spec.grace)
    if sandbox.exists():
        sandbox.remove()


@contextlib.contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Break off what takes longer, also where a program that was started keeps its pipes open.

    Raises:
        StateUnknown: the time is over.
    """

    def give_up(_number: int, _frame: Any) -> None:
        raise StateUnknown("not all of the task has ended within {:g} s".format(seconds))

    signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def check(text: str) -> int:
    """Check this node as a task would use it."""
    spec, check_spec = parse_check(text)
    if check_spec.batch:
        _batch, spec = enter(spec)
    _search_first(spec.attempt)
    return run_check(spec, check_spec)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
