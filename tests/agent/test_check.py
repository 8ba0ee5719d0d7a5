"""The verb ``check``: what it finds is what a task would meet."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rosetta_agent.check.check_spec import parse_check
from rosetta_agent.check.findings import exit_status
from rosetta_agent.errors import SpecError
from rosetta_agent.protocol import CHECK_FAULTS, CHECK_STATUS_BASE

from .fake import FakeService, wait_until
from .machine import AgentSpec, ApptainerHost, Machine, apptainer_machine
from .specs import full_order

MakeJob = Callable[..., AgentSpec]
TOKEN = "0123456789abcdef"


class Check:
    """A check that runs on this machine, and the home that it writes into."""

    def __init__(self, home: Path, spec: dict[str, Any]) -> None:
        self.home, self.spec = home, spec
        self.result = home / spec["check"]["result"]
        self.process = Machine("docker", home).start("check", spec, HOME=str(home))

    def wait_for(self, name: str = "done") -> dict[str, Any]:
        """All findings, once that one is among them."""
        wait_until(lambda: name in self.findings(), name)
        return self.findings()

    def findings(self) -> dict[str, Any]:
        """What has been published."""
        document: dict[str, Any] = (
            json.loads(self.result.read_text()) if self.result.exists() else {}
        )
        return document

    def stop(self) -> int:
        """Let it end."""
        (self.home / f"{self.result.name}.stop").touch()
        return self.process.wait(timeout=30)


@pytest.fixture
def start(tmp_path: Path, work_dir: Path) -> Iterator[Callable[..., Check]]:
    """Start a check without an image; keywords change its section."""
    started: list[Check] = []

    def start_check(**changes: Any) -> Check:
        section = {"token": TOKEN, "result": ".rosetta-check-1", "linger": 60, **changes}
        spec = full_order(work_dir=str(work_dir), task="check-1", check=section)
        started.append(Check(tmp_path, spec))
        return started[-1]

    yield start_check
    for check in started:
        check.process.kill()
        check.process.wait()


def ask(port: int, line: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(line)
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part
        return answer


def check(machine: Machine, spec: AgentSpec, **section: Any) -> dict[str, Any]:
    """All findings of a check with the image of the job."""
    home = machine.work_dir.parent
    name = f".rosetta-check-{spec['task']}"
    section = {"token": TOKEN, "result": name, "linger": 0, "image": True, **section}
    section = {"engines": [machine.engine], **section}
    prefix = [*machine.prefix]
    if prefix:
        prefix[-1:-1] = ["--env", f"HOME={home}"]
    there = Machine(machine.engine, machine.work_dir, prefix, machine.python, machine.user)
    answer = there.call("check", {**spec, "check": section}, HOME=str(home))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    document: dict[str, Any] = json.loads((home / name).read_text())
    (home / name).unlink()
    return document


# --- the image, as a task gets it ----------------------------------------------------------------


def test_container_is_started_and_removed(machine: Machine, make_spec: MakeJob) -> None:
    spec = make_spec(machine)
    result = check(machine, spec)
    assert result["engines"][machine.engine]["version"]
    assert "error" not in result["image"]
    assert set(result["container"]) == {"warnings"}
    assert machine.leftovers(spec) == []


def test_container_that_ends(machine: Machine, make_spec: MakeJob) -> None:
    spec = make_spec(machine, command=["/bin/false"])
    assert "error" in check(machine, spec)["container"]
    assert machine.leftovers(spec) == []


@pytest.mark.parametrize("user", ["root", "31337:31337"])
def test_owner_of_what_a_task_writes(machine: Machine, make_spec: MakeJob, user: str) -> None:
    homes = machine.work_dir.parent / f"homes-{user.partition(':')[0]}"
    homes.mkdir(exist_ok=True)
    os.chown(homes, machine.user, machine.user)
    owner = None if machine.user else {"uid": 5000, "gid": 5001}
    uid = machine.user or 5000
    home = {"source": str(homes / "home"), "target": "/home/metauser", "create": True}
    shared = {"source": str(homes), "target": "/shared", "read_only": True}
    spec = make_spec(machine, hardening__user=user, binds=[{**home, "owner": owner}, shared])
    content, read = check(machine, spec)["storages"]
    names = {"source": home["source"], "target": "/home/metauser"}
    numbers = {"uid": uid, "gid": 5001 if uid == 5000 else uid}
    name = "alice" if machine.user else None
    assert content == {**names, **numbers, "mode": 0o644, "owner": name}
    assert read == {"source": str(homes), "target": "/shared"}
    assert os.listdir(homes / "home") == []
    assert machine.leftovers(spec) == []
    spec["binds"][0].update(create=False, source=str(homes / "nothing"))
    missing, read = check(machine, spec)["storages"]
    assert missing["reason"] == "storage_missing"
    assert missing["error"].endswith(f"({homes}/nothing does not exist.)")
    assert "error" not in read


def test_image_dir_that_cannot_be_made(apptainer_host: ApptainerHost, make_spec: MakeJob) -> None:
    machine = apptainer_machine(apptainer_host)
    result = check(machine, make_spec(machine, image__cache="/proc/images"))
    assert result["image"]["reason"] == "unsupported"
    assert result["image"]["error"].startswith("image_dir: /proc/images cannot be made: ")
    assert result["container"] is None


def test_task_says_that_image_dir_cannot_be_made(
    apptainer_host: ApptainerHost, service: FakeService, make_spec: MakeJob
) -> None:
    machine = apptainer_machine(apptainer_host)
    machine.run(make_spec(machine, image__cache="/proc/images"))
    report = service.wait_for("failed")
    assert report["reason"] == "unsupported"
    assert report["detail"].startswith("image_dir: /proc/images cannot be made: ")


def test_work_dir_that_cannot_be_made(work_dir: Path) -> None:
    work_dir.touch()
    machine = Machine("docker", work_dir)
    spec = full_order(work_dir=f"{work_dir}/w", check={"token": TOKEN})
    answer = machine.call("check", spec)
    assert answer.returncode == 2
    assert f"work_dir: {work_dir}/w cannot be made" in json.loads(answer.stdout)["error"]


# --- what else is there --------------------------------------------------------------------------


@pytest.mark.system
def test_findings(start: Callable[..., Check]) -> None:
    running = start(engines=["docker", "singularity"])
    result = running.wait_for()
    assert "version" in result["engines"]["docker"]
    assert result["engines"]["singularity"]["reason"] == "engine_unavailable"
    assert result["namespaces"]["ok"] in (True, False)
    assert (result["image"], result["container"]) == (None, None)
    assert running.result.stat().st_mode & 0o777 == 0o600
    assert running.stop() == 0
    assert not Path(running.spec["work_dir"]).exists()


def test_listener_answers_to_the_token_alone(start: Callable[..., Check]) -> None:
    running = start(listen="tcp")
    port = running.wait_for()["listen"]["port"]
    assert ask(port, b"wrong send 100\n") == b""
    assert ask(port, b"\n") == b""
    assert len(ask(port, f"{TOKEN} send 1000000\n".encode())) == 1000000
    assert float(ask(port, f"{TOKEN} clock\n".encode())) > 0
    assert running.stop() == 0


def test_unix_socket_is_private_and_removed(start: Callable[..., Check]) -> None:
    running = start(listen="unix")
    path = Path(running.wait_for()["listen"]["unix"])
    assert path.is_socket()
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert running.stop() == 0
    assert not path.parent.exists()


def test_unreachable_address(start: Callable[..., Check]) -> None:
    result = start(urls={"service": "http://127.0.0.1:9/"}).wait_for()
    assert "refused" in result["urls"]["service"]["error"]
    assert result["listen"] is None


def test_it_ends_by_itself(start: Callable[..., Check]) -> None:
    assert start(linger=0).process.wait(timeout=30) == 0


def test_signal_leaves_nothing_behind(start: Callable[..., Check]) -> None:
    running = start()
    running.wait_for()
    running.process.terminate()
    assert running.process.wait(timeout=30) == 1
    assert not Path(running.spec["work_dir"]).exists()


# --- pure ----------------------------------------------------------------------------------------


def findings(**changes: Any) -> dict[str, Any]:
    good = {
        "engines": {"docker": {"version": "26.1"}},
        "namespaces": {"ok": True},
        "urls": {"service": {"status": 200}},
        "image": {"there": True},
        "container": {"warnings": []},
    }
    return {**good, **changes}


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({}, ()),
        ({"engines": {"docker": {"error": "x"}}, "image": None, "container": None}, ("engines",)),
        ({"namespaces": {"ok": False}}, ("namespaces",)),
        ({"urls": {"service": {"status": 404}}}, ("service",)),
        ({"urls": {"service": {"status": 200}, "tunnels": {"error": "x"}}}, ("tunnels",)),
        ({"image": {"error": "x"}, "container": None}, ("image",)),
        ({"container": {"error": "x"}}, ("container",)),
    ],
)
def test_exit_status(changes: dict[str, Any], faults: tuple[str, ...]) -> None:
    assert exit_status(findings(**changes)) == CHECK_STATUS_BASE + sum(
        CHECK_FAULTS[name] for name in faults
    )


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (None, "check: not an object"),
        ({"token": "short"}, "check.token"),
        ({"token": TOKEN, "engines": ["lxc"]}, "check.engines"),
        ({"token": TOKEN, "listen": "udp"}, "check.listen"),
        ({"token": TOKEN, "result": "../x"}, "check.result"),
    ],
)
def test_orders_that_are_refused(section: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_check(json.dumps(full_order(check=section)))


def test_specification_shows_no_token() -> None:
    _spec, spec = parse_check(json.dumps(full_order(check={"token": TOKEN})))
    assert TOKEN not in repr(spec)
