"""Registries, full disks, engines that are away, machines that forbid namespaces."""

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rosetta_agent.spec import container_name
from tests.support.ports import free_port

from .conftest import IMAGE
from .fake import FakeService, wait_until
from .machine import (
    ALICE,
    HOST_OPTIONS,
    AgentSpec,
    ApptainerHost,
    Machine,
    apptainer_machine,
    start_host,
)
from .slow import slow_line
from .test_life import fetch, interface, own_address

pytestmark = pytest.mark.timeout(func_only=True)

MakeJob = Callable[..., AgentSpec]


def accepts(host: str, port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex((host, port)) == 0


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory, image: str) -> Iterator[str]:
    """A real registry with one image that is large enough to have progress."""
    folder, address = tmp_path_factory.mktemp("registry"), f"127.0.0.1:{free_port()}"
    (folder / "config.yml").write_text(
        f"version: 0.1\nhttp: {{addr: {address}}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", folder / "config.yml"], stdout=log, stderr=log
        )
    host, port = address.split(":")
    wait_until(lambda: accepts(host, int(port)), "the registry")
    name = f"{address}/test/large:{uuid.uuid4().hex[:8]}"
    (folder / "blob").write_bytes(os.urandom(20 << 20))
    (folder / "Dockerfile").write_text(f"FROM {IMAGE}\nCOPY blob /blob\n")
    quiet = {"check": True, "capture_output": True}
    subprocess.run(["docker", "build", "--tag", name, folder], **quiet)  # type: ignore[call-overload]
    subprocess.run(["docker", "push", name], **quiet)  # type: ignore[call-overload]
    subprocess.run(["docker", "rmi", name], **quiet)  # type: ignore[call-overload]
    yield name
    process.terminate()
    process.wait()


@pytest.fixture
def far_away(registry: str) -> Iterator[str]:
    """The image over a slow line; no engine has it afterwards."""
    address, _, rest = registry.partition("/")
    host, port = address.split(":")
    with slow_line(host, int(port)) as slow:
        name = f"{slow}/{rest}"
        yield name
        for engine in ("docker", "podman"):
            subprocess.run([engine, "rmi", "--force", name], capture_output=True, check=False)


def digest_of(reference: str) -> str:
    """The digest of an image, as its registry says."""
    name, _, tag = reference.rpartition(":")
    host, _, repository = name.partition("/")
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    url = f"http://{host}/v2/{repository}/manifests/{tag}"
    request = urllib.request.Request(url, headers={"Accept": kind}, method="HEAD")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.headers["Docker-Content-Digest"])


def test_pull_with_progress(
    machine: Machine, service: FakeService, make_spec: MakeJob, registry: str, far_away: str
) -> None:
    spec = make_spec(machine, image__reference=far_away)
    machine.run(spec)
    service.wait_for("running")
    assert service.states == ["starting", "pulling", "starting", "running"]
    progress = [r["progress"] for r in service.reports if r["progress"]]
    assert progress, "bytes were reported"
    assert all(p["done"] <= p["total"] for p in progress)
    assert progress[-1]["total"] > 20_000_000
    # A SIF file does not tell where it is from.
    values = [] if machine.engine == "singularity" else [digest_of(registry)]
    assert service.reports[-1]["image_digests"] == values
    assert machine.stop(spec) == {"state": "stopped"}

    again = make_spec(machine, image__reference=far_away)
    count = len(service.reports)
    machine.run(again)
    wait_until(lambda: service.reports[-1]["state"] == "running", "it runs")
    assert "pulling" not in {report["state"] for report in service.reports[count:]}


def test_image_that_the_registry_has_not(
    machine: Machine, service: FakeService, make_spec: MakeJob, registry: str
) -> None:
    spec = make_spec(machine, image__reference=registry.rpartition(":")[0] + ":nosuch")
    machine.run(spec)
    report = service.wait_for_end()
    assert report["reason"] == "image_not_found", report
    assert "does not exist" in report["message"]
    wait_until(lambda: machine.leaves_nothing(spec), "nothing is left")


def test_stop_while_it_pulls(machine: Machine, service: FakeService, make_spec: MakeJob) -> None:
    """From a registry that accepts the connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        reference = f"127.0.0.1:{silent.getsockname()[1]}/x:1"
        spec = make_spec(machine, image__reference=reference)
        machine.run(spec)
        service.wait_for("pulling")
        assert machine.stop(spec) == {"state": "stopped"}
        assert service.wait_for_end()["state"] == "stopped"
        assert machine.leftovers(spec) == []
        assert not [p for p in Path("/proc").glob("[0-9]*/cmdline") if names(p, reference)]


def names(path: Path, text: str) -> bool:
    try:
        return text in path.read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False


def local(work_dir: Path, engine: str = "docker") -> Machine:
    return Machine(engine, work_dir)


def test_engine_that_does_not_answer(
    image: str, work_dir: Path, service: FakeService, make_spec: MakeJob
) -> None:
    machine = local(work_dir)
    spec = make_spec(machine)
    machine.run(spec, DOCKER_HOST=f"unix://{work_dir}/none.sock")
    report = service.wait_for_end()
    assert (report["reason"], report["message"]) == (
        "engine_unavailable",
        "Docker does not answer on this machine.",
    )
    wait_until(lambda: not machine.sandbox(spec).exists(), "the sandbox is gone")
    assert machine.stop(spec, DOCKER_HOST=f"unix://{work_dir}/none.sock") == {"state": "stopped"}


@pytest.mark.parametrize("engine", ["docker", "podman", "singularity"])
def test_engine_that_is_not_installed(
    engine: str, image: str, work_dir: Path, service: FakeService, make_spec: MakeJob
) -> None:
    machine = local(work_dir, engine)
    spec = make_spec(machine)
    machine.run(spec, PATH="/nowhere")
    report = service.wait_for_end()
    assert report["reason"] == "engine_unavailable"
    assert "is not installed" in report["message"]
    assert machine.stop(spec, PATH="/nowhere") == {"state": "stopped"}


def test_unknown_is_not_gone(
    image: str, work_dir: Path, service: FakeService, make_spec: MakeJob
) -> None:
    """The engine's socket is away when the container ends: nothing is concluded before."""
    machine = local(work_dir)
    work_dir.mkdir(mode=0o700)
    path = work_dir / "docker.sock"
    path.symlink_to("/var/run/docker.sock")
    parent = work_dir.parent / "told"
    parent.mkdir()
    script = "serve & until [ -e /told/end ]; do sleep 0.1; done; exit 5"
    spec = make_spec(
        machine,
        command=["sh", "-c", script],
        binds=[{"source": str(parent), "target": "/told", "read_only": True}],
    )
    machine.run(spec, DOCKER_HOST=f"unix://{path}")
    service.wait_for("running")
    path.unlink()
    (parent / "end").touch()
    relay = machine.state(spec)["relay"]
    wait_until(lambda: not alive(relay[0]), "the relay ends with its container", 30)
    count = len(service.reports)
    wait_until(lambda: len(service.reports) > count + 3, "more reports")
    assert service.reports[-1]["state"] == "running"
    path.symlink_to("/var/run/docker.sock")
    report = service.wait_for_end()
    assert (report["reason"], report["exit_code"]) == ("exited", 5)
    path.unlink()


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}/exe").exists()


def test_container_that_somebody_removed(
    image: str, work_dir: Path, service: FakeService, make_spec: MakeJob
) -> None:
    machine = local(work_dir)
    spec = make_spec(machine)
    machine.run(spec)
    service.wait_for("running")
    name = container_name(spec["task"], 1)
    subprocess.run(["docker", "rm", "--force", name], check=True, capture_output=True)
    report = service.wait_for_end()
    assert report["reason"] == "exited"
    assert "disappeared" in report["message"]


@pytest.fixture
def full_disk(work_dir: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    work_dir.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(work_dir)]
    subprocess.run(mount, check=True)
    yield work_dir
    subprocess.run(["umount", "--lazy", str(work_dir)], check=True)


def test_full_disk_at_the_start(
    image: str, full_disk: Path, service: FakeService, make_spec: MakeJob
) -> None:
    with pytest.raises(OSError, match="No space"), (full_disk / "filler").open("wb") as filler:
        filler.write(b"x" * (1 << 20))
    machine = local(full_disk)
    spec = make_spec(machine)
    answer = machine.call("run", spec)
    assert answer.returncode == 2
    assert '"reason": "disk_full"' in answer.stdout
    assert "The disk of the computing resource is full." in answer.stderr
    wait_until(lambda: not machine.sandbox(spec).exists(), "nothing is left")


def test_disk_that_fills_up(
    image: str, full_disk: Path, service: FakeService, make_spec: MakeJob
) -> None:
    machine = local(full_disk)
    script = "i=0; while [ $i -lt 300 ]; do printf '%01000d\\n' 1; i=$((i+1)); done; exec serve"
    spec = make_spec(machine, command=["sh", "-c", script])
    machine.run(spec)
    report = service.wait_for_end()
    assert (report["reason"], report["message"]) == (
        "disk_full",
        "The disk of the computing resource is full.",
    )
    wait_until(lambda: machine.leaves_nothing(spec), "nothing is left")


def test_agent_that_may_not_enter_publishes_a_port(
    image: str, work_dir: Path, service: FakeService, make_spec: MakeJob
) -> None:
    """An ordinary user who may use the daemon of root."""
    os.chown(work_dir.parent, ALICE, ALICE)
    path = work_dir.parent / "docker.sock"
    with forwarded("/var/run/docker.sock", path):
        machine = local(work_dir)
        machine.prefix = ["setpriv", f"--reuid={ALICE}", f"--regid={ALICE}", "--clear-groups"]
        python = shutil.which("python3", path="/usr/bin")
        assert python is not None
        machine.prefix += ["env", f"PYTHONPATH={readable_copy(work_dir.parent)}"]
        machine.python = [python, "-m"]
        serve = "httpd -p 9999; httpd -p 8787; exec httpd -f -p 8888"
        further = [{"port": 8787}, {"port": 6006}]
        spec = make_spec(machine, command=["sh", "-c", serve], interfaces=further)
        environment = {"DOCKER_HOST": f"unix://{path}", "HOME": str(work_dir.parent)}
        machine.run(spec, **environment)
        report = service.wait_for("running")
        assert report["warnings"] == ["neighbours_can_connect"]
        assert report["interface"]["kind"] == "port"
        result = wait_until(lambda: service.reports[-1]["interfaces"], "the further interfaces")
        assert [(item["port"], item["ready"]) for item in result] == [(8787, True), (6006, False)]
        for port in (report["interface"]["port"], result[0]["published"]):
            with socket.create_connection(("127.0.0.1", port)):
                pass
        assert machine.stop(spec, **environment) == {"state": "stopped"}
        assert machine.leftovers(spec) == []


def readable_copy(folder: Path) -> Path:
    """The agent where an ordinary user can read it."""
    source = Path(__file__).parents[2] / "agent" / "rosetta_agent"
    shutil.copytree(source, folder / "agent" / "rosetta_agent")
    for path in (folder / "agent").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (folder / "agent").chmod(0o755)
    return folder / "agent"


class forwarded:  # noqa: N801 - reads as a statement
    """A second socket of the docker daemon, open to everybody."""

    def __init__(self, target: str, path: Path) -> None:
        code = FORWARD.format(path=str(path), target=target)
        self._process = subprocess.Popen([sys.executable, "-c", code])
        wait_until(lambda: path.exists() and path.stat().st_mode & stat.S_IWOTH, "the socket")

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_args: object) -> None:
        self._process.kill()
        self._process.wait()


FORWARD = """
import asyncio, os
async def copy(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
async def serve(reader, writer):
    there, back = await asyncio.open_unix_connection({target!r})
    await asyncio.gather(copy(reader, back), copy(there, writer))
async def main():
    server = await asyncio.start_unix_server(serve, {path!r})
    os.chmod({path!r}, 0o777)
    await server.serve_forever()
asyncio.run(main())
"""


class TestApptainer:
    def test_killed_keeper_takes_its_container_along(
        self, apptainer_host: ApptainerHost, service: FakeService, make_spec: MakeJob
    ) -> None:
        machine = apptainer_machine(apptainer_host)
        spec = make_spec(machine)
        machine.run(spec)
        service.wait_for("running")
        record = json.loads((machine.sandbox(spec) / "monitor.json").read_text())
        os.kill(record["monitor"][0], 9)
        report = service.wait_for_end()
        assert "disappeared" in report["message"]
        wait_until(lambda: machine.leaves_nothing(spec), "nothing is left")

    def test_without_a_way_out(
        self, image: str, archive: Path, service: FakeService, make_spec: MakeJob
    ) -> None:
        with other_host(archive, *HOST_OPTIONS) as host:
            hide = "rm /usr/bin/slirp4netns /usr/bin/pasta"
            run_in(host, hide)
            machine = apptainer_machine(host)
            address = own_address()
            with socket.create_server((address, 0)) as listener:
                port = listener.getsockname()[1]
                script = f"nc -w 3 {address} {port} </dev/null || echo unreachable; exec serve"
                spec = make_spec(machine, command=["sh", "-c", script])
                machine.run(spec)
                report = service.wait_for("running")
            assert report["warnings"] == ["no_outbound"]
            wait_until(lambda: b"unreachable" in service.log, "no way out")
            assert machine.stop(spec) == {"state": "stopped"}
            assert machine.leftovers(spec) == []

    def test_with_pasta(
        self, image: str, archive: Path, service: FakeService, make_spec: MakeJob
    ) -> None:
        with other_host(archive, *HOST_OPTIONS) as host:
            run_in(host, "rm /usr/bin/slirp4netns")
            machine = apptainer_machine(host)
            # Docker's own: pasta gives the container the machine's first, and those of networks of
            # other tests come and go.
            address = "172.17.0.1"
            with socket.create_server((address, 0)) as listener:
                port = listener.getsockname()[1]
                spec = make_spec(machine, command=["sh", "-c", f"nc {address} {port}; exec serve"])
                machine.run(spec)
                listener.settimeout(30)
                listener.accept()[0].close()
            assert service.wait_for("running")["warnings"] == []
            assert machine.stop(spec) == {"state": "stopped"}
            assert machine.leftovers(spec) == []

    def test_where_namespaces_are_forbidden(
        self, image: str, archive: Path, service: FakeService, make_spec: MakeJob
    ) -> None:
        """Docker's own seccomp filter forbids them; a stand-in starts the command as it is."""
        with other_host(archive, "--network", "host", "--pid", "host") as host:
            install = "cat >/usr/local/bin/apptainer && chmod 755 /usr/local/bin/apptainer"
            run_in(host, install, STAND_IN)
            machine = apptainer_machine(host)
            reference = str(host.shared / "x.sif")
            (host.shared / "x.sif").write_text("")
            command = ["sh", "-c", SERVE]
            for custom in (True, False):
                port = free_port()
                changes = {"interface__port": port, "interface__custom_port": custom}
                spec = make_spec(machine, image__reference=reference, command=command, **changes)
                spec["environment"]["FIXED"] = str(port)
                count = len(service.reports)
                machine.run(spec)
                wait_until(lambda: service.reports[-1]["state"] == "running", "it runs")
                warnings = ["no_network_isolation", "little_room"]
                assert service.reports[-1]["warnings"] == warnings
                assert "200 OK" in fetch(interface(machine, spec))
                assert len(service.reports) > count
                if not custom:
                    second = make_spec(machine, image__reference=reference, **changes)
                    machine.run(second)
                    # Not the last report: the other task tells every moment that it runs.
                    report = service.wait_for("failed")
                    assert report["reason"] == "port_in_use"
                    assert str(port) in report["message"]
                machine.stop(spec)
                assert machine.leftovers(spec) == []


STAND_IN = """#!/bin/sh
# Hands on the container's environment, skips the options, executes the command.
set -e
export BASE_PORT="$APPTAINERENV_BASE_PORT" FIXED="$APPTAINERENV_FIXED" TASK="$APPTAINERENV_TASK"
while [ "${1%.sif}" = "$1" ]; do shift; done
shift
exec "$@"
"""
SERVE = "exec python3 -m http.server --bind 127.0.0.1 ${BASE_PORT:-$FIXED}"


class other_host:  # noqa: N801 - reads as a statement
    """A host with Apptainer for one test, to be changed."""

    def __init__(self, archive: Path, *options: str) -> None:
        self._shared = Path("/tmp") / f"ra-{uuid.uuid4().hex[:8]}"
        self._shared.mkdir()
        os.chown(self._shared, ALICE, ALICE)
        shutil.copy(archive, self._shared / "agent.tar")
        (self._shared / "agent.tar").chmod(0o644)
        self._host = start_host(self._shared, *options)

    def __enter__(self) -> ApptainerHost:
        return self._host

    def __exit__(self, *_args: object) -> None:
        remove = ["docker", "rm", "--force", self._host.name]
        subprocess.run(remove, check=True, capture_output=True)
        shutil.rmtree(self._shared)


def run_in(host: ApptainerHost, script: str, text: str = "") -> None:
    argv = ["docker", "exec", "--interactive", host.name, "sh", "-c", script]
    subprocess.run(argv, input=text, text=True, check=True)


def test_full_disk_costs_a_running_task_nothing(
    image: str, full_disk: Path, service: FakeService, make_spec: MakeJob
) -> None:
    """A new agent that can't even record that it is there leaves all as it is."""
    machine = local(full_disk)
    spec = make_spec(machine)
    machine.run(spec)
    service.wait_for("running")
    sandbox = machine.sandbox(spec)
    thesis, filler = sandbox / "thesis.txt", full_disk / "filler"
    thesis.write_text("the only copy")
    before = sorted(path.name for path in sandbox.iterdir())
    machine.kill_agent(spec)
    with pytest.raises(OSError, match="No space"), filler.open("wb") as file:
        file.write(b"x" * (1 << 20))
    refused = machine.run(spec)
    assert (refused["state"], refused["reason"]) == ("refused", "disk_full")
    assert {path.name for path in sandbox.iterdir()} >= set(before)
    assert thesis.read_text() == "the only copy"
    assert fetch(interface(machine, spec)).startswith("HTTP/")

    filler.unlink()
    count = len(service.reports)
    assert machine.run(spec)["state"] == "launched"
    wait_until(lambda: len(service.reports) > count, "the new agent reports")
    assert service.reports[-1]["state"] == "running"
    assert machine.stop(spec) == {"state": "stopped"}
    wait_until(lambda: machine.leaves_nothing(spec), "nothing is left")
