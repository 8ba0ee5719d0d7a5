"""Agents on nodes: sent along with their spec, inside batch jobs, reached from elsewhere."""

import asyncio
import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rosetta_agent.protocol import HandshakeError
from rosetta_hub.agents.bundle import (
    build_batch_script,
    build_remote_command,
    build_remote_stdin,
)
from tests.support.certificates import read_certificate

from .conftest import PASSWORD, SECRET
from .fake import FakeService, wait_until
from .machine import PYTHONS, AgentSpec, ApptainerHost, Machine, apptainer_machine, is_running
from .peers import Edge, Streams, shake_hands, trusting

pytestmark = pytest.mark.timeout(func_only=True)

MakeJob = Callable[..., AgentSpec]
KEY = "ab" * 32


async def get(streams: Streams, path: str = "/") -> str:
    """What the interface answers."""
    reader, writer = streams
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    return answer


def listen(**more: Any) -> dict[str, Any]:
    return {"host": "127.0.0.1", "secret": KEY, "tls": None, **more}


# --- interface access -----------------------------------------------------------------------------


async def test_guarded_port(machine: Machine, service: FakeService, make_spec: MakeJob) -> None:
    spec = make_spec(machine, listen=listen())
    machine.run(spec)
    report = await asyncio.to_thread(service.wait_for, "running")
    assert report["interface"]["kind"] == "listener"
    port = report["interface"]["port"]
    with pytest.raises(HandshakeError):
        await shake_hands("127.0.0.1", port, b"x" * 32)
    streams = await shake_hands("127.0.0.1", port, bytes.fromhex(KEY))
    machine.kill_agent(spec)
    assert "hello from the task" in await get(streams)
    machine.run(spec)
    relay = machine.state(spec)["relay"][0]
    os.kill(relay, signal.SIGKILL)
    wait_until(lambda: machine.state(spec)["relay"][0] != relay, "another relay")
    streams = await shake_hands("127.0.0.1", port, bytes.fromhex(KEY))  # the same port
    assert "hello from the task" in await get(streams)
    assert machine.stop(spec) == {"state": "stopped"}
    assert machine.leftovers(spec) == []


async def test_guarded_port_with_a_certificate(
    image: str, work_dir: Path, service: FakeService, make_spec: MakeJob, tmp_path: Path
) -> None:
    machine = Machine("docker", work_dir)
    certificate, key = read_certificate(tmp_path, "node")
    spec = make_spec(machine, listen=listen(tls={"certificate": certificate, "key": key}))
    machine.run(spec)
    port = (await asyncio.to_thread(service.wait_for, "running"))["interface"]["port"]
    streams = await shake_hands("127.0.0.1", port, bytes.fromhex(KEY), trusting(certificate))
    assert "hello" in await get(streams)
    for path in machine.sandbox(spec).rglob("*"):
        if path.is_file():
            assert "PRIVATE KEY" not in path.read_text(errors="replace")


async def test_dialled(machine: Machine, service: FakeService, make_spec: MakeJob) -> None:
    edge = Edge(SECRET)
    with contextlib.closing(edge):
        url = f"http://127.0.0.1:{await edge.start()}"
        spec = make_spec(machine, dial={"url": url, "ca": None})
        machine.run(spec)
        report = await asyncio.to_thread(service.wait_for, "running")
        assert report["interface"] == {"kind": "dial"}
        control = await edge.control()
        assert "hello" in await get(await edge.open(control))
        dialer = machine.state(spec)["dialer"][0]
        machine.kill_agent(spec)
        assert "hello" in await get(await edge.open(control))
        machine.run(spec)
        assert machine.state(spec)["dialer"][0] == dialer
        assert await asyncio.to_thread(machine.stop, spec) == {"state": "stopped"}
        assert machine.leftovers(spec) == []
        control[1].close()


# --- sent along ----------------------------------------------------------------------------------


class Sent:
    """A machine that has no agent of its own: it comes with each spec."""

    def __init__(self, machine: Machine, python: str) -> None:
        self._machine = machine
        self._python = python

    def call(self, verb: Any, spec: AgentSpec, user: int | None = None) -> dict[str, Any]:
        process = subprocess.run(
            [*self._machine.prefix, *build_remote_command(verb, self._python)],
            input=build_remote_stdin(spec),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert process.stdout, process.stderr
        answer: dict[str, Any] = json.loads(process.stdout)
        return answer

    def stop(self, spec: AgentSpec) -> dict[str, Any]:
        names = ("task", "attempt", "work_dir", "engine")
        return self.call("stop", {name: spec[name] for name in names} | {"stop": 3})


def test_sent_to_a_host(
    apptainer_host: ApptainerHost, service: FakeService, make_spec: MakeJob
) -> None:
    """Nothing is installed there; the session that brought it is over, and it lives."""
    machine = apptainer_machine(apptainer_host)
    host = Sent(machine, "python3")
    spec = make_spec(machine, listen=listen())
    assert host.call("run", spec)["state"] == "launched"
    service.wait_for("running")
    assert host.call("run", spec)["state"] == "already_running"
    agent = machine.state(spec)["agent"][0]
    for number in (signal.SIGHUP, signal.SIGPIPE):
        os.kill(agent, number)
    count = len(service.reports)
    wait_until(lambda: len(service.reports) > count + 1, "it goes on")
    assert is_running(agent)
    assert [name for name in open_files(agent) if name.startswith("pipe:")] == []
    assert os.getsid(agent) != os.getsid(0)
    assert host.stop(spec) == {"state": "stopped"}
    assert machine.leftovers(spec) == []


def open_files(pid: int) -> list[str]:
    """What a process has open; it may close some of it meanwhile, as the socket of a report."""
    values = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            values.append(os.readlink(path))
    return values


LOOK_AROUND = """
import os, sys
for pid in filter(str.isdigit, os.listdir("/proc")):
    for name in ("cmdline", "environ", "maps"):
        try:
            sys.stdout.write(open("/proc/%s/%s" % (pid, name), errors="replace").read())
        except OSError:
            pass
for folder in sys.argv[1:]:
    for top, folders, files in os.walk(folder):
        for name in folders + files:
            print("FOUND", os.path.join(top, name))
"""


def test_another_user_of_the_node_learns_nothing(
    apptainer_host: ApptainerHost, service: FakeService, make_spec: MakeJob
) -> None:
    machine = apptainer_machine(apptainer_host)
    host = Sent(machine, "python3")
    spec = make_spec(machine, listen=listen())
    host.call("run", spec)
    service.wait_for("running")
    stdout = subprocess.run(
        ["python3", "-", str(machine.work_dir)],
        input=LOOK_AROUND,
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "rosetta_agent" in stdout, "it does look"
    assert [word for word in (SECRET, PASSWORD, KEY, "FOUND") if word in stdout] == []


@pytest.mark.parametrize("python", PYTHONS)
async def test_on_each_python(
    image: str, work_dir: Path, service: FakeService, make_spec: MakeJob, python: str
) -> None:
    machine = Machine("docker", work_dir)
    host = Sent(machine, python)
    edge = Edge(SECRET)
    with contextlib.closing(edge):
        url = f"http://127.0.0.1:{await edge.start()}"
        spec = make_spec(machine, listen=listen(), dial={"url": url, "ca": None})
        assert (await asyncio.to_thread(host.call, "run", spec))["state"] == "launched"
        await asyncio.to_thread(service.wait_for, "running")
        control = await edge.control()
        assert "hello" in await get(await edge.open(control))
        port = machine.state(spec)["listener"]
        assert "hello" in await get(await shake_hands("127.0.0.1", port, bytes.fromhex(KEY)))
        assert await asyncio.to_thread(host.stop, spec) == {"state": "stopped"}
        control[1].close()
    assert machine.leftovers(spec) == []


def test_images_on_shared_storage(
    apptainer_host: ApptainerHost, service: FakeService, make_spec: MakeJob
) -> None:
    """Made once for two tasks at the same time, which both tell that it comes."""
    machine = apptainer_machine(apptainer_host)
    cache = apptainer_host.shared / f"cache-{uuid.uuid4().hex[:8]}"
    jobs = [make_spec(machine, image__cache=str(cache)) for _ in range(2)]
    for spec in jobs:
        machine.run(spec)
    for spec in jobs:
        wait_until(functools.partial(is_ready, machine, spec), "it runs")
    (result,) = cache.iterdir()
    assert result.suffix == ".sif"
    assert result.stat().st_uid == machine.user
    assert cache.stat().st_mode & 0o777 == 0o700
    # It is recorded before it is reported.
    for state in ("pulling", "running"):
        service.wait_for(state)
    before = result.stat().st_ino
    third = make_spec(machine, image__cache=str(cache), image__pull="never")
    machine.run(third)
    wait_until(functools.partial(is_ready, machine, third), "it runs")
    assert result.stat().st_ino == before
    assert not list(machine.work_dir.glob("images/*.part*"))


# --- in batch jobs -------------------------------------------------------------------------------


class BatchJob:
    """A batch script that runs as Slurm would run it."""

    def __init__(self, spec: AgentSpec, folder: Path, **environment: str) -> None:
        script = folder / "slurm_script"
        script.write_text(build_batch_script(spec, sys.executable))
        script.chmod(0o700)
        self.process = subprocess.Popen(
            [script],
            env={**os.environ, "SLURM_JOB_ID": "7", "SLURM_JWT": "secret", **environment},
            start_new_session=True,
        )

    def end(self, number: int) -> int:
        """Signal it, and wait for its exit status."""
        self.process.send_signal(number)
        return self.process.wait(30)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def submit(tmp_path: Path) -> Iterator[Callable[..., BatchJob]]:
    jobs: list[BatchJob] = []

    def start(spec: AgentSpec, **environment: str) -> BatchJob:
        jobs.append(BatchJob({**spec, "batch": {"wms": "slurm"}}, tmp_path, **environment))
        return jobs[-1]

    yield start
    for job in jobs:
        job.close()


Submit = Callable[..., BatchJob]


def is_ready(machine: Machine, spec: AgentSpec) -> bool:
    """Whether the agent has recorded that the interface answered."""
    recorded = machine.sandbox(spec) / "agent.json"
    return recorded.exists() and "interface" in recorded.read_text()


def containers(spec: AgentSpec) -> list[str]:
    label = f"label=rosetta.task={spec['task']}"
    names = ["docker", "ps", "--all", "--format", "{{.Names}}", "--filter", label]
    return subprocess.run(names, capture_output=True, text=True, check=True).stdout.split()


def test_job_that_is_cancelled(
    image: str, work_dir: Path, service: FakeService, make_spec: MakeJob, submit: Submit
) -> None:
    machine = Machine("docker", work_dir)
    spec = make_spec(machine, command=["sh", "-c", "env; exec serve"])
    batch = submit(spec)
    service.wait_for("running")
    assert batch.end(signal.SIGTERM) == 0
    report = service.wait_for_end()
    assert (report["state"], report["reason"]) == ("stopped", "cancelled")
    assert abs(report["clock"] - time.time()) < 60
    assert b"SLURM" not in service.log
    assert machine.leftovers(spec) == []


def test_job_at_its_time_limit(
    image: str, work_dir: Path, service: FakeService, make_spec: MakeJob, submit: Submit
) -> None:
    machine = Machine("docker", work_dir)
    now = int(time.time())
    limits = {"SLURM_JOB_START_TIME": str(now), "SLURM_JOB_END_TIME": str(now + 25)}
    spec = make_spec(machine, warn_before=24)
    batch = submit(spec, **limits)
    assert service.wait_for("running")["ends_at"] == now + 25
    wait_until(lambda: service.reports[-1]["warnings"] == ["time_limit_near"], "the warning")
    batch.end(signal.SIGTERM)
    report = service.wait_for_end()
    assert (report["state"], report["reason"]) == ("failed", "time_limit")
    assert machine.leftovers(spec) == []


def test_requeued_job_starts_cleanly(
    image: str, work_dir: Path, service: FakeService, make_spec: MakeJob, submit: Submit
) -> None:
    """Killed with all that it had on its side; the container is the daemon's, and remains."""
    machine = Machine("docker", work_dir)
    spec = make_spec(machine)
    first = submit(spec)
    service.wait_for("running")
    first.end(signal.SIGKILL)
    before = service.reports[-1]["sequence"]
    container = subprocess.run(
        ["docker", "inspect", "--format", "{{.Id}}", *containers(spec)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    count = len(service.reports)
    second = submit(spec, SLURM_RESTART_COUNT="1")
    wait_until(lambda: len(service.reports) > count, "it reports again")
    assert service.reports[count]["state"] == "starting"
    wait_until(lambda: service.reports[-1]["state"] == "running", "it runs again")
    assert service.reports[count]["sequence"] > before
    assert container.strip() not in str(machine.state(spec))
    assert len(containers(spec)) == 1
    second.end(signal.SIGTERM)
    assert machine.leftovers(spec) == []


def test_later_job_removes_what_a_killed_one_left(
    image: str, work_dir: Path, service: FakeService, make_spec: MakeJob, submit: Submit
) -> None:
    """Even where the sandbox is gone, as with a /tmp for each job; living jobs are let be."""
    machine = Machine("docker", work_dir)
    killed, alive, later = make_spec(machine), make_spec(machine), make_spec(machine)
    for spec in (alive, killed):
        batch = submit(spec)
        wait_until(functools.partial(is_ready, machine, spec), "it runs")
    batch.end(signal.SIGKILL)
    assert len(containers(killed)) == 1
    submit(later)
    wait_until(functools.partial(is_ready, machine, later), "it runs")
    assert machine.leftovers(killed) == []
    assert len(containers(alive)) == 1
    assert machine.sandbox(alive).exists()


def test_job_that_cannot_begin_tells_the_service(
    image: str, work_dir: Path, service: FakeService, make_spec: MakeJob, submit: Submit
) -> None:
    work_dir.mkdir()
    os.chown(work_dir, 65534, 65534)
    machine = Machine("docker", work_dir)
    batch = submit(make_spec(machine))
    assert batch.process.wait(30) == 2
    assert service.reports == []
    os.chown(work_dir, 0, 0)
    (work_dir / "occupied-1").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=2", "tmpfs", str(work_dir)]
    subprocess.run(mount, check=True)
    try:
        (work_dir / "filler").write_bytes(b"")
        batch = submit(make_spec(machine))
        report = service.wait_for_end()
        assert report["reason"] == "disk_full"
        assert batch.process.wait(30) == 2
    finally:
        subprocess.run(["umount", "--lazy", str(work_dir)], check=True)
