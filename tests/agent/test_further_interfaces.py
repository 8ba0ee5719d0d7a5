"""Interfaces beside the main one: which of them answer, and containers that have several."""

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rosetta_agent import namespaces
from rosetta_agent.interface_probes import InterfaceProbes, InterfaceReports, ReachedInterface
from rosetta_agent.spec import FurtherInterface
from tests.support.ports import free_port

from .conftest import SECRET
from .fake import FakeService, wait_until
from .machine import AgentSpec, Machine
from .peers import Edge, shake_hands
from .test_life import fetch
from .test_nodes import KEY, get, listen

MakeJob = Callable[..., AgentSpec]


class Dashboard(BaseHTTPRequestHandler):
    """Counts what it is asked; a page costs it something, a HEAD does not."""

    asked: list[str]

    def do_HEAD(self) -> None:
        """No page."""
        self.asked.append(f"HEAD {self.path}")
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        """A page."""
        self.asked.append(f"GET {self.path}")
        self.send_error(500)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def dashboard(port: int) -> Iterator[list[str]]:
    """A web server on a port of loopback; gives what it was asked."""
    texts: list[str] = []
    handler = type("Handler", (Dashboard,), {"asked": texts})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield texts
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reached(port: int, protocol: str = "http") -> ReachedInterface:
    """A further interface on a port of loopback."""
    return ReachedInterface(FurtherInterface(8787, protocol, "/status#top"), ("127.0.0.1", port))


def described(ready: bool, port: int = 8787) -> dict[str, Any]:
    """A further interface as agents report it."""
    return {"port": port, "published": None, "ready": ready}


def test_what_answers_is_told_when_it_changes() -> None:
    reports: list[InterfaceReports] = []
    port = free_port()
    nowhere = ReachedInterface(FurtherInterface(6006, "http", "/"), None)
    probes = InterfaceProbes([reached(port), nowhere], reports.append)
    probes.step(0.0)
    probes.step(2.0)
    assert reports == [(described(False), described(False, 6006))]
    with dashboard(port) as result:
        probes.step(4.0)
        assert reports[1:] == [(described(True), described(False, 6006))]
        probes.step(6.0)
        assert result == ["HEAD /status"]
    probes.step(8.0)
    assert len(reports) == 2
    probes.step(100.0)
    assert reports[2:] == [(described(False), described(False, 6006))]


def test_another_protocol_is_no_answer() -> None:
    reports: list[InterfaceReports] = []
    port = free_port()
    with dashboard(port):
        InterfaceProbes([reached(port, "https")], reports.append).step(0.0)
    assert reports == [(described(False),)]


def test_nothing_is_told_after_the_end() -> None:
    reports: list[InterfaceReports] = []
    probes = InterfaceProbes([reached(free_port())], reports.append)
    probes.stop()
    probes.step(0.0)
    assert reports == []


def test_the_network_of_this_process_is_its_own() -> None:
    assert namespaces.is_own_network(os.getppid())
    # Nobody can tell of a process that is not there.
    assert namespaces.is_own_network(0)


# --- in containers -------------------------------------------------------------------------------

# The second web server comes up when somebody asks for it; a third one is not declared.
SERVE = r"""
mkdir -p /tmp/www/cgi-bin /tmp/two
echo "the main one" >/tmp/www/index.html
echo "the dashboard" >/tmp/two/index.html
printf '#!/bin/sh\ntouch /tmp/go\necho; echo going\n' >/tmp/www/cgi-bin/go
chmod +x /tmp/www/cgi-bin/go
httpd -p 127.0.0.1:9999 -h /tmp/www
(while ! [ -e /tmp/go ]; do sleep 0.1; done; exec httpd -f -p 127.0.0.1:8787 -h /tmp/two) &
exec httpd -f -p 127.0.0.1:8888 -h /tmp/www
"""
COMMAND = ["/bin/sh", "-c", SERVE]
INTERFACES = [{"port": 8787, "protocol": "http", "path": "/"}]


def wait_ready(service: FakeService, ready: bool) -> None:
    """Until the agent reports whether the dashboard answers."""
    wait_until(lambda: service.reports[-1]["interfaces"] == [described(ready)], f"ready: {ready}")


@pytest.mark.timeout(func_only=True)
def test_dashboard_that_comes_up_later(
    machine: Machine, service: FakeService, make_spec: MakeJob
) -> None:
    spec = make_spec(machine, command=COMMAND, interfaces=INTERFACES)
    machine.run(spec)
    assert service.wait_for("running")["interface"] == {"kind": "socket"}
    wait_ready(service, False)
    sandbox = machine.sandbox(spec)
    assert not _answers(sandbox)
    assert "going" in fetch(sandbox / "interface.sock", "/cgi-bin/go")
    wait_ready(service, True)
    assert "the dashboard" in fetch(sandbox / "8787.sock")
    assert "the main one" in fetch(sandbox / "interface.sock")
    assert (sandbox / "8787.sock").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in sandbox.glob("*.sock")) == ["8787.sock", "interface.sock"]
    machine.kill_agent(spec)
    assert "the dashboard" in fetch(sandbox / "8787.sock")
    count = len(service.reports)
    machine.run(spec)
    wait_until(lambda: len(service.reports) > count + 2, "reports of another agent")
    wait_ready(service, True)
    # An agent that has just begun does not know yet: that is not "none answers".
    assert described(False) not in [
        interface for report in service.reports[count:] for interface in report["interfaces"] or ()
    ]
    os.kill(machine.state(spec)["relay"][0], signal.SIGKILL)
    wait_until(lambda: _answers(sandbox), "another relay")
    assert machine.stop(spec) == {"state": "stopped"}
    assert machine.leftovers(spec) == []


def _answers(sandbox: Path) -> bool:
    with contextlib.suppress(OSError):
        return "the dashboard" in fetch(sandbox / "8787.sock")
    return False


@pytest.mark.timeout(func_only=True)
async def test_guarded_port_leads_to_what_is_declared(
    machine: Machine, service: FakeService, make_spec: MakeJob
) -> None:
    spec = make_spec(machine, command=COMMAND, interfaces=INTERFACES, listen=listen())
    machine.run(spec)
    report = await asyncio.to_thread(service.wait_for, "running")
    port, key = report["interface"]["port"], bytes.fromhex(KEY)
    assert "the main one" in await get(await shake_hands("127.0.0.1", port, key))
    await asyncio.to_thread(fetch, machine.sandbox(spec) / "interface.sock", "/cgi-bin/go")
    await asyncio.to_thread(wait_ready, service, True)
    assert "the dashboard" in await get(await shake_hands("127.0.0.1", port, key, interface=8787))
    # Something listens on that port of the container, too.
    reader, writer = await shake_hands("127.0.0.1", port, key, interface=9999)
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()


@pytest.mark.timeout(func_only=True)
async def test_dialled_dashboard(
    image: str, work_dir: Path, service: FakeService, make_spec: MakeJob
) -> None:
    machine, edge = Machine("docker", work_dir), Edge(SECRET)
    with contextlib.closing(edge):
        dial = {"url": f"http://127.0.0.1:{await edge.start()}", "ca": None}
        spec = make_spec(machine, command=COMMAND, interfaces=INTERFACES, dial=dial)
        machine.run(spec)
        control = await edge.control()
        assert "going" in await get(await edge.open(control), "/cgi-bin/go")
        await asyncio.to_thread(wait_ready, service, True)
        assert "the dashboard" in await get(await edge.open(control, 8787))
        assert "the main one" in await get(await edge.open(control))
        control[1].close()


@pytest.mark.timeout(func_only=True)
def test_no_way_into_a_network_of_the_whole_machine(
    image: str, work_dir: Path, service: FakeService, make_spec: MakeJob
) -> None:
    """Whoever listens on that port of the machine may be another user."""
    machine = Machine("docker", work_dir)
    custom = {"port": free_port(), "protocol": "http", "custom_port": False, "path": "/"}
    serve = SERVE.replace("8888", str(custom["port"])).replace("9999", str(free_port()))
    with dashboard(8787) as result:
        spec = make_spec(
            machine,
            command=["/bin/sh", "-c", serve],
            interface=custom,
            interfaces=INTERFACES,
            engine_options=["--network=host"],
        )
        machine.run(spec)
        service.wait_for("running")
        wait_ready(service, False)
        assert result == []
        assert not (machine.sandbox(spec) / "8787.sock").exists()
