"""Who owns what a task writes: measured by a task that writes a file into each storage."""

import os
import pwd
import sys
import time
from typing import Any, Dict, List, Optional, Sequence

from rosetta_agent import logs
from rosetta_agent.bind_options import Bind
from rosetta_agent.check.findings import Findings, fault
from rosetta_agent.engines import create_engine
from rosetta_agent.engines.base import Engine
from rosetta_agent.errors import AgentError
from rosetta_agent.mounts import Mounts
from rosetta_agent.sandbox import Sandbox
from rosetta_agent.spec import AgentSpec

_PAUSE_SECONDS = 0.1
_LOG_SECONDS = 3.0
_MAX_WORDS = 500

Finding = Dict[str, Any]


def try_storages(spec: AgentSpec, findings: Findings) -> Optional[List[Finding]]:
    """A finding for each bind of the spec, in its order; None without image or binds.

    ``source`` and ``target`` name it. ``uid``, ``gid``, ``owner`` (its name, if it has one) and
    ``mode`` are those of the file that the image's user wrote, seen from outside; of a read-only
    bind there are none. A fault has ``reason`` and ``error``, as a task would have them.
    """
    if not spec.binds or findings["image"] is None or "error" in findings["image"]:
        return None
    try:
        return _write_into(spec, spec.binds)
    except AgentError as error:
        together = fault(error)
    if len(spec.binds) == 1:
        return [dict(_names(spec.binds[0]), **together)]
    alone = [_try_alone(spec, bind) for bind in spec.binds]
    if any("error" in finding for finding in alone):
        return alone
    return [dict(_names(bind), **together) for bind in spec.binds]


def _try_alone(spec: AgentSpec, bind: Bind) -> Finding:
    try:
        return _write_into(spec, (bind,))[0]
    except AgentError as error:
        return dict(_names(bind), **fault(error))


def _write_into(spec: AgentSpec, binds: Sequence[Bind]) -> List[Finding]:
    """Run a task of its own, which leaves nothing behind."""
    name = ".rosetta-check-{}".format(spec.attempt.task)
    paths = [os.path.join(bind.target, name) for bind in binds if not bind.read_only]
    command = ("touch",) + tuple(paths) if paths else ("true",)
    attempt = spec.attempt._replace(attempt=spec.attempt.attempt + 1)
    spec = spec._replace(
        attempt=attempt, binds=tuple(binds), command=command, listen=None, dial=None
    )
    sandbox = Sandbox(attempt)
    sandbox.create()
    engine = create_engine(attempt, sandbox)
    try:
        engine.start(spec)
        words = _wait_for_end(engine, sandbox, spec.timeouts.answer)
        return [_measure(bind, name, words) for bind in binds]
    finally:
        _remove(engine)
        Mounts(attempt).release()
        sandbox.remove()


def _wait_for_end(engine: Engine, sandbox: Sandbox, seconds: float) -> str:
    """The last words of the container; empty where it succeeded."""
    follower = engine.follow_log()
    if follower is not None:
        follower.start()
    deadline = time.monotonic() + seconds
    status = engine.inspect()
    while status.kind == "running" and time.monotonic() < deadline:
        time.sleep(_PAUSE_SECONDS)
        status = engine.inspect()
    if follower is not None:
        follower.finish(_LOG_SECONDS)
    if status.kind == "exited" and status.exit_code == 0:
        return ""
    return logs.tail(sandbox.file("output.log"), _MAX_WORDS) or "the container did not end well"


def _measure(bind: Bind, name: str, words: str) -> Finding:
    """Look at the file from outside, and remove it there."""
    finding = _names(bind)
    if bind.read_only:
        return finding
    path = os.path.join(bind.source, name)
    try:
        info = os.lstat(path)
        os.unlink(path)
    except OSError as error:
        return dict(finding, reason="storage_denied", error=words or str(error))
    details = {"uid": info.st_uid, "gid": info.st_gid, "mode": info.st_mode & 0o7777}
    return dict(finding, owner=_account(info.st_uid), **details)


def _names(bind: Bind) -> Finding:
    return {"source": bind.source, "target": bind.target}


def _account(uid: int) -> Optional[str]:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def _remove(engine: Engine) -> None:
    try:
        engine.remove(0.0)
    except AgentError as error:
        sys.stderr.write("the container could not be removed: {}\n".format(error))
