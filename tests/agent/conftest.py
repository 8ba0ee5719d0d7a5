"""The agent as a program: a machine to run it on, a service to report to, specs to give."""

import copy
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .fake import FakeService
from .machine import (
    ALICE,
    CAROL,
    HOST_OPTIONS,
    ROOT,
    AgentSpec,
    ApptainerHost,
    Machine,
    apptainer_machine,
    start_host,
)

IMAGE = "rosetta-test/agent"
SECRET = "secret-of-the-agent"
PASSWORD = '$ecret "of the task'


@pytest.fixture
def service() -> Iterator[FakeService]:
    fake = FakeService()
    yield fake
    fake.close()


@pytest.fixture(scope="session")
def image() -> str:
    """The small image of these tests, in docker and in podman."""
    build = ROOT / "docker" / "build"
    subprocess.run([build, "base"], check=True, capture_output=True)
    subprocess.run(
        ["docker", "build", "--quiet", "--tag", IMAGE, ROOT / "tests" / "agent" / "image"],
        check=True,
        capture_output=True,
    )
    return IMAGE


@pytest.fixture(scope="session")
def archive(image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image as a file."""
    path = tmp_path_factory.mktemp("images") / "agent.tar"
    subprocess.run(["docker", "save", "--output", path, image], check=True)
    return path


@pytest.fixture(scope="session")
def podman_image(archive: Path) -> str:
    subprocess.run(["podman", "load", "--quiet", "--input", archive], check=True)
    return f"localhost/{IMAGE}"


@pytest.fixture
def work_dir() -> Iterator[Path]:
    """Short, because of the sockets in it."""
    path = Path(tempfile.mkdtemp(prefix="ra-", dir="/tmp"))
    path.chmod(0o755)
    yield path / "w"
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def apptainer_host(image: str, archive: Path) -> Iterator[ApptainerHost]:
    """One for all tests; its work directory is kept, and with it the converted image."""
    build = ROOT / "docker" / "build"
    subprocess.run([build, "apptainer-host"], check=True, capture_output=True)
    shared = Path(tempfile.mkdtemp(prefix="ra-", dir="/tmp"))
    os.chown(shared, ALICE, ALICE)
    shutil.copy(archive, shared / "agent.tar")
    (shared / "agent.tar").chmod(0o644)
    host = start_host(shared, *HOST_OPTIONS)
    yield host
    subprocess.run(["docker", "rm", "--force", host.name], check=True, capture_output=True)
    shutil.rmtree(shared)


@pytest.fixture(scope="session")
def podman_host(image: str, archive: Path) -> Iterator[ApptainerHost]:
    """A machine where carol uses Podman without being root; it has the image."""
    build = ROOT / "docker" / "build"
    subprocess.run([build, "standalone-host"], check=True, capture_output=True)
    shared = Path(tempfile.mkdtemp(prefix="ra-", dir="/tmp"))
    os.chown(shared, CAROL, CAROL)
    shutil.copy(archive, shared / "agent.tar")
    (shared / "agent.tar").chmod(0o644)
    host = start_host(shared, *HOST_OPTIONS, image="standalone-host")
    load = ["podman", "load", "--quiet", "--input", str(shared / "agent.tar")]
    subprocess.run([*host.prefix("carol"), *load], check=True, capture_output=True)
    yield host
    subprocess.run(["docker", "rm", "--force", host.name], check=True, capture_output=True)
    shutil.rmtree(shared)


ENGINES = ("docker", "podman", "singularity")


@pytest.fixture(params=ENGINES)
def machine(request: pytest.FixtureRequest, image: str, work_dir: Path) -> Machine:
    """A machine of each kind."""
    if request.param == "singularity":
        host: ApptainerHost = request.getfixturevalue("apptainer_host")
        return apptainer_machine(host)
    if request.param == "podman":
        request.getfixturevalue("podman_image")
    return Machine(request.param, work_dir)


@pytest.fixture
def make_spec(service: FakeService) -> Iterator[Callable[..., AgentSpec]]:
    """Makes specs; what is left of their tasks at the end of the test is removed."""
    calls: list[tuple[Machine, AgentSpec]] = []

    def make(machine: Machine, **changes: Any) -> AgentSpec:
        task, reference = uuid.uuid4().hex[:12], IMAGE
        if machine.engine == "singularity":
            reference = f"docker-archive:{machine.work_dir.parent / 'agent.tar'}"
        spec: AgentSpec = {
            "version": 1,
            "task": task,
            "attempt": 1,
            "secret": SECRET,
            "report_url": service.url,
            "work_dir": str(machine.work_dir),
            "engine": machine.engine,
            "runtime": None,
            "image": {"reference": reference, "digest": None, "pull": "missing", "platform": None},
            "interface": {"port": 8888, "protocol": "http", "custom_port": False, "path": "/"},
            "environment": {"NAME": "the task", "AUTH_PASS": PASSWORD, "TASK": task},
            "command": None,
            "limits": {"cpus": 1, "memory": 128 << 20, "pids": 200},
            "hardening": {
                "no_new_privileges": True,
                "drop_capabilities": ["NET_RAW"],
                "add_capabilities": [],
                "read_only": False,
                "user": None,
            },
            "binds": [],
            "timeouts": {"answer": 60, "stop": 3, "unanswered": 3600},
            "heartbeat": 0.5,
        }
        for name, value in changes.items():
            section, _, key = name.partition("__")
            if key:
                spec[section][key] = value
            else:
                spec[section] = value
        calls.append((machine, copy.deepcopy(spec)))
        return spec

    yield make
    service.status = 200
    for machine, spec in calls:
        # The sandbox is what an agent removes last.
        if machine.sandbox(spec).exists() and machine.exists():
            machine.stop(spec)
