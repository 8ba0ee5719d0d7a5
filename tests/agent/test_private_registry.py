"""Images of a real registry with TLS and accounts, under each engine."""

import json
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.private_registry import (
    ACCOUNT,
    PrivateRegistry,
    private_registry,
    run,
    trusted_by_docker,
)

from .conftest import IMAGE
from .fake import FakeService, wait_until
from .machine import ROOT, AgentSpec, ApptainerHost, Machine, podman_machine
from .slow import Valve, held_line

pytestmark = pytest.mark.timeout(func_only=True)

MakeJob = Callable[..., AgentSpec]
INTRUDER = ROOT / "tests" / "hpc" / "intruder.py"
NOBODY = 65534
_BEGAN = time.time()


@pytest.fixture(scope="session")
def registry() -> Iterator[PrivateRegistry]:
    with private_registry() as registry:
        yield registry


@pytest.fixture(scope="session")
def stored(registry: PrivateRegistry, image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A large image in the registry, and nowhere else."""
    folder = tmp_path_factory.mktemp("large")
    (folder / "blob").write_bytes(os.urandom(20 << 20))
    (folder / "Dockerfile").write_text(f"FROM {IMAGE}\nCOPY blob /blob\n")
    name = f"rosetta-test/private:{uuid.uuid4().hex[:8]}"
    run(["docker", "build", "--quiet", "--tag", name, str(folder)])
    registry.push(name, "ada/large:1")
    run(["docker", "rmi", name])
    return "ada/large:1"


@pytest.fixture
def reference(registry: PrivateRegistry, stored: str, machine: Machine) -> Iterator[str]:
    """The image's name; no engine of this machine has it, before or afterwards."""
    name = f"{registry.host}/{stored}"
    yield name
    forget(machine, name)


def forget(machine: Machine, reference: str) -> None:
    if machine.engine != "singularity":
        argv = [*machine.prefix, machine.engine, "rmi", "--force", reference]
        subprocess.run(argv, capture_output=True, check=False)
    else:
        shutil.rmtree(machine.work_dir / "images", ignore_errors=True)


def access(registry: PrivateRegistry, **changes: Any) -> dict[str, Any]:
    return {
        "host": registry.host,
        "account": ACCOUNT,
        "password": registry.password,
        "certificates": registry.authority.read_text(),
        "plain_http": False,
        "scope": "scope-of-ada",
        **changes,
    }


NO_ACCOUNT = {"account": None, "password": None, "scope": "public"}


def test_an_account_opens_the_registry(
    machine: Machine,
    service: FakeService,
    make_spec: MakeJob,
    registry: PrivateRegistry,
    reference: str,
) -> None:
    service.access = access(registry)
    spec = make_spec(machine, image__reference=reference, image__credential=True)
    machine.run(spec)
    assert service.wait_for("running", "failed")["state"] == "running", service.reports[-1]
    assert "pulling" in service.states
    assert service.credentials == {f"Bearer {spec['secret']}"}
    assert machine.stop(spec) == {"state": "stopped"}
    assert found(registry.secrets, machine) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"password": "wrong"}, "registry_denied"), (NO_ACCOUNT, "registry_login")],
)
def test_without_the_right_account_the_reason_is_told(
    machine: Machine,
    service: FakeService,
    make_spec: MakeJob,
    registry: PrivateRegistry,
    reference: str,
    changes: dict[str, Any],
    reason: str,
) -> None:
    service.access = access(registry, **changes)
    spec = make_spec(machine, image__reference=reference, image__credential=True)
    machine.run(spec)
    assert service.wait_for_end()["reason"] == reason, service.reports[-1]
    wait_until(lambda: machine.leaves_nothing(spec), "nothing is left")


def test_what_one_account_has_brought_is_not_anybodys(
    machine: Machine,
    service: FakeService,
    make_spec: MakeJob,
    registry: PrivateRegistry,
    reference: str,
) -> None:
    """The image is in the engine's store, or a file of the same account of the machine."""
    keys = {"image__reference": reference, "image__credential": True, "image__shared": False}
    service.access = access(registry)
    for _ in range(2):
        request = service.asked
        spec = make_spec(machine, **keys)
        machine.run(spec)
        wait_until(lambda: service.reports and service.reports[-1]["state"] == "running", "it runs")
        assert service.asked == request + 1
        machine.stop(spec)
    service.access = access(registry, **NO_ACCOUNT)
    spec = make_spec(machine, **keys)
    machine.run(spec)
    end = wait_until(
        lambda: service.reports[-1]["state"] == "failed" and service.reports[-1], "it fails"
    )
    assert end["reason"] == "registry_login"


# --- what others see -----------------------------------------------------------------------------


@dataclass
class HeldPull:
    """A pull that goes on until it is released: the agent's spec, and the registry's secrets."""

    spec: AgentSpec
    secrets: list[str]
    valve: Valve


@pytest.fixture
def held_pull(
    machine: Machine,
    service: FakeService,
    make_spec: MakeJob,
    registry: PrivateRegistry,
    stored: str,
) -> Iterator[HeldPull]:
    host, _, port = registry.host.rpartition(":")
    valve = Valve()
    with (
        held_line(host, int(port), valve) as slow,
        trusted_by_docker(slow, registry.authority),
    ):
        service.access = access(registry, host=slow)
        name = f"{slow}/{stored}"
        spec = make_spec(machine, image__reference=name, image__credential=True)
        # In the middle of the layer: registry and engine have agreed on the account.
        valve.close_after(2 << 20)
        machine.run(spec)
        assert valve.reached.wait(60)
        yield HeldPull(spec, registry.secrets, valve)
        machine.stop(spec)
        forget(machine, name)


def found(secrets: list[str], machine: Machine, uid: int = 0) -> list[str]:
    """The files and processes of this machine in which that user finds one of the secrets."""
    # In /tmp are the files of everybody: what was touched since this module was loaded.
    places = [*Path("/tmp").iterdir(), *Path("/var/tmp").iterdir()]
    recent = [str(path) for path in places if changed_at(path) > _BEGAN]
    logins = ["/root/.docker", "/root/.config", "/etc/docker", "/etc/containers"]
    work = str(machine.work_dir.parent)
    folders = [*recent, *logins, "/dev/shm", "/run", "/var/log", work]
    order = {"hosts": [], "folders": folders, "secrets": secrets}
    # Debian's: that of the tests may be in a folder of root's alone.
    argv = ["/usr/bin/python3", "-I", "-c", INTRUDER.read_text()]
    process = subprocess.run(
        argv,
        input=json.dumps(order),
        user=uid,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    files: list[str] = json.loads(process.stdout)["files"]
    return files


def changed_at(path: Path) -> float:
    """When a place was changed last; long ago where it is gone by now."""
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return 0


def test_nobody_else_finds_the_account_while_the_image_comes(
    held_pull: HeldPull, machine: Machine, service: FakeService
) -> None:
    """Root finds it with the same program, in an open file of the engine, and nowhere else."""
    root = found(held_pull.secrets, machine)
    assert root
    assert {path.split("/")[3] for path in root if path.startswith("/proc/")} == {"fd"}
    assert [path for path in root if not path.startswith("/proc/")] == []
    assert found(held_pull.secrets, machine, NOBODY) == []
    held_pull.valve.open()
    service.wait_for("running")
    assert found(held_pull.secrets, machine) == []


def test_a_killed_agent_leaves_nothing(held_pull: HeldPull, machine: Machine) -> None:
    pull = processes_with(held_pull.spec["image"]["reference"])
    assert pull
    machine.kill_agent(held_pull.spec)
    wait_until(lambda: not found(held_pull.secrets, machine), "nobody holds the account")
    # What has a name leads nowhere by itself, and goes when the task is stopped.
    named = list((machine.sandbox(held_pull.spec) / "registry").glob("*"))
    assert all(str(path.readlink()).startswith("/proc/self/fd/") for path in named)
    assert machine.stop(held_pull.spec) == {"state": "stopped"}
    assert machine.leftovers(held_pull.spec) == []


def processes_with(text: str) -> list[str]:
    return [str(path) for path in Path("/proc").glob("[0-9]*/cmdline") if text in read(path)]


def read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_podman_without_root_reads_the_account_too(
    podman_host: ApptainerHost,
    service: FakeService,
    make_spec: MakeJob,
    registry: PrivateRegistry,
    stored: str,
) -> None:
    """It goes on in a user namespace of its own."""
    machine = podman_machine(podman_host)
    service.access = access(registry)
    name = f"{registry.host}/{stored}"
    spec = make_spec(machine, image__reference=name, image__credential=True)
    machine.run(spec)
    assert service.wait_for("running", "failed")["state"] == "running", service.reports[-1]
    machine.stop(spec)
    forget(machine, name)
