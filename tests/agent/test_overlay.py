"""Where changes of a container's own files are kept."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rosetta_agent.engines.overlay import parse_version

from .fake import FakeService, wait_until
from .machine import AgentSpec, ApptainerHost, Machine, apptainer_machine

MakeJob = Callable[..., AgentSpec]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("singularity-ce version 4.1.2-jammy", (4, 1)),
        ("singularity version 3.8.7-1.el7", (3, 8)),
        ("", (0, 0)),
    ],
)
def test_version(text: str, expected: tuple[int, int]) -> None:
    assert parse_version(text) == expected


# --- with real engines ---------------------------------------------------------------------------


def fill(path: str, megabytes: int) -> list[str]:
    """A command that writes so much to a path, removes it, and serves then."""
    write = f"dd if=/dev/zero of={path} bs=1M count={megabytes}"
    return ["sh", "-c", f"{write}; rm -f {path}; exec serve"]


@pytest.mark.timeout(func_only=True)
def test_there_is_room_outside_of_the_home(
    apptainer_host: ApptainerHost, service: FakeService, make_spec: MakeJob
) -> None:
    """Singularity's own place for changes is 64 MB of memory."""
    machine = apptainer_machine(apptainer_host)
    spec = make_spec(machine, command=fill("/usr/big", 100))
    machine.run(spec)
    assert service.wait_for("running")["warnings"] == []
    wait_until(lambda: b"100+0 records out" in service.log, "the log")
    assert machine.stop(spec) == {"state": "stopped"}
    assert machine.leftovers(spec) == []


@pytest.mark.timeout(func_only=True)
def test_disk_is_limited_or_the_task_says_so(
    machine: Machine, service: FakeService, make_spec: MakeJob
) -> None:
    spec = make_spec(machine, command=fill("/usr/big", 40), limits__disk=20 << 20)
    machine.run(spec)
    warnings = service.wait_for("running")["warnings"]
    wait_until(lambda: b"records out" in service.log, "the log")
    limited = b"No space left" in service.log
    assert warnings == ([] if limited else ["disk_not_limited"])


@pytest.mark.timeout(func_only=True)
@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_read_only_root_has_a_limit_everywhere(
    engine: str,
    image: str,
    podman_image: str,
    work_dir: Path,
    service: FakeService,
    make_spec: MakeJob,
) -> None:
    machine = Machine(engine, work_dir)
    spec = make_spec(
        machine,
        command=fill("/tmp/big", 40),
        limits__disk=20 << 20,
        hardening__read_only=True,
    )
    machine.run(spec)
    assert service.wait_for("running")["warnings"] == []
    wait_until(lambda: b"No space left" in service.log, "the log")
