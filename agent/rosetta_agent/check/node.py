"""What a check looks at on its node; each step returns a finding, a fault has an ``error``."""

import email.utils
import errno
import os
import socket
import sys
import time
import urllib.error
from typing import Any, Callable, Dict, Optional, Sequence, Tuple

from rosetta_agent import namespaces, network
from rosetta_agent.check.check_spec import CheckSpec
from rosetta_agent.check.findings import Findings, fault
from rosetta_agent.check.listener import listen
from rosetta_agent.check.storages import try_storages
from rosetta_agent.engines import create_engine
from rosetta_agent.engines.base import Engine, Pulling
from rosetta_agent.errors import AgentError, Cancelled
from rosetta_agent.interface_access import InterfaceAccess
from rosetta_agent.readiness import probe, wrong_protocol
from rosetta_agent.report_client import build_opener
from rosetta_agent.sandbox import Sandbox
from rosetta_agent.spec import AgentSpec

_URL_SECONDS = 10.0
_PROBE_SECONDS, _PAUSE_SECONDS = 5.0, 0.2

Publish = Callable[[Findings], None]


def look_around(spec: AgentSpec, check: CheckSpec, sandbox: Sandbox, publish: Publish) -> Findings:
    """Take all steps; ``publish`` gets what is known after each of them."""
    findings: Findings = {"python": sys.version.split()[0], "node": socket.getfqdn()}
    findings["listen"] = listen(check.listen, sandbox.file("check.sock"), check.token)
    publish(findings)
    steps: Sequence[Tuple[str, Callable[[], Any]]] = (
        ("engines", lambda: find_engines(spec, check.engines, sandbox)),
        ("namespaces", find_namespaces),
        ("urls", lambda: ask_all(check.urls, spec.report_ca)),
        ("image", lambda: fetch_image(spec, check, findings, sandbox)),
        ("container", lambda: try_container(spec, findings, sandbox)),
        ("storages", lambda: try_storages(spec, findings)),
    )
    for name, step in steps:
        started = time.monotonic()
        findings[name] = step()
        findings.setdefault("seconds", {})[name] = time.monotonic() - started
        publish(findings)
    return findings


def find_engines(
    spec: AgentSpec, names: Sequence[str], sandbox: Sandbox
) -> Dict[str, Dict[str, str]]:
    """Version of each engine, as the agent finds and asks it."""
    findings = {}
    for name in names:
        engine = create_engine(spec.attempt._replace(engine=name), sandbox)
        try:
            findings[name] = {"version": engine.version()}
        except AgentError as error:
            findings[name] = fault(error)
    return findings


def find_namespaces() -> Dict[str, Any]:
    """Whether a container may have a network of its own, and what leads out of it."""
    child = os.fork()
    if child == 0:
        number = errno.EPERM
        try:
            namespaces.make_network()
            number = 0
        except OSError as error:
            number = error.errno or number
        finally:
            os._exit(number)
    status = os.waitpid(child, 0)[1] >> 8
    tool = network.find_tool()
    finding: Dict[str, Any] = {"ok": status == 0, "way_out": tool.program if tool else None}
    return finding if status == 0 else dict(finding, error=os.strerror(status))


def ask_all(urls: Dict[str, str], authority: Optional[str]) -> Dict[str, Dict[str, Any]]:
    """Ask each address as reports are sent."""
    return {name: ask(urls[name], authority) for name in urls}


def ask(url: str, authority: Optional[str]) -> Dict[str, Any]:
    """Whether somebody answers there, how fast, and how far this clock is ahead (seconds)."""
    started = time.time()
    try:
        with build_opener(url, authority).open(url, timeout=_URL_SECONDS) as response:
            status, date = response.getcode(), response.headers.get("Date")
    except urllib.error.HTTPError as error:
        status, date = error.code, error.headers.get("Date")
    except (OSError, ValueError) as error:
        return {"error": str(getattr(error, "reason", error))}
    ended = time.time()
    finding = {"status": status, "seconds": ended - started}
    if date:
        then = email.utils.parsedate_to_datetime(date).timestamp()
        finding["skew"] = (started + ended) / 2 - then - 0.5
    return finding


def fetch_image(
    spec: AgentSpec, check: CheckSpec, findings: Findings, sandbox: Sandbox
) -> Optional[Dict[str, Any]]:
    """Get the image as a task would, and keep it as a task would; None where none is asked for."""
    if not check.image or "error" in findings["engines"].get(spec.attempt.engine, {}):
        return None
    deadline = time.monotonic() + check.pull_timeout
    pulled = []

    def wait(seconds: float) -> bool:
        time.sleep(min(seconds, max(0.0, deadline - time.monotonic())))
        return time.monotonic() >= deadline

    pulling = Pulling(
        cancelled=lambda: time.monotonic() >= deadline,
        wait=wait,
        on_progress=lambda _progress: None,
        on_start=lambda: pulled.append(True),
    )
    engine = create_engine(spec.attempt, sandbox)
    try:
        engine.fetch(spec, pulling)
    except Cancelled:
        return {"error": "not done after {:g} s".format(check.pull_timeout)}
    except AgentError as error:
        return fault(error)
    return {"there": not pulled}


def try_container(
    spec: AgentSpec, findings: Findings, sandbox: Sandbox
) -> Optional[Dict[str, Any]]:
    """Start the container, wait until its interface answers, and remove it; None without image.

    ``warnings`` are those that a task would have here.
    """
    if findings["image"] is None or "error" in findings["image"]:
        return None
    engine = create_engine(spec.attempt, sandbox)
    state: Dict[str, Any] = {}

    def record(**changes: Any) -> None:
        state.update(changes)

    # Nobody expects this task, and what storages do is another finding.
    spec = spec._replace(listen=None, dial=None, binds=())
    interface_access = InterfaceAccess(spec, sandbox, state, record)
    try:
        return _wait_for_answer(engine, spec, interface_access)
    except AgentError as error:
        return fault(error)
    finally:
        interface_access.close()
        _remove(engine, spec.timeouts.stop)


def _wait_for_answer(
    engine: Engine, spec: AgentSpec, interface_access: InterfaceAccess
) -> Dict[str, Any]:
    container = engine.start(spec)
    interface = spec.interface
    deadline = time.monotonic() + spec.timeouts.answer
    while time.monotonic() < deadline:
        interface_access.keep(container)
        address = interface_access.address(container)
        answer = probe(address, interface.protocol, interface.path, _PROBE_SECONDS)
        if answer == interface.protocol:
            return {"warnings": list(container.warnings)}
        if answer is not None:
            raise wrong_protocol(interface.protocol, answer)
        status = engine.inspect()
        if status.kind != "running":
            return {"error": "it ended with exit code {}".format(status.exit_code)}
        time.sleep(_PAUSE_SECONDS)
    return {"error": "port {} did not answer".format(interface.port)}


def _remove(engine: Engine, grace: float) -> None:
    try:
        engine.remove(grace)
    except AgentError as error:
        sys.stderr.write("the container could not be removed: {}\n".format(error))
