"""Whose the files are that a task writes, under each engine for real."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rosetta_agent.mountinfo import mounted_below
from rosetta_agent.spec import container_name

from .fake import FakeService, wait_until
from .machine import AgentSpec, ApptainerHost, apptainer_machine, is_running, podman_machine
from .places import ALICE, Place, docker_group_place, root_place
from .test_life import fetch, interface

# Images may have to be built first, which takes minutes.
pytestmark = [pytest.mark.system, pytest.mark.timeout(func_only=True)]

MakeJob = Callable[..., AgentSpec]
USERS = ("root", "1000:1000", "31337:31337")
PLACES = ("docker", "podman", "rootless podman", "singularity", "singularity of root")


@pytest.fixture
def homes() -> Iterator[Path]:
    """A directory for homes that anybody may look into."""
    path = Path(tempfile.mkdtemp(prefix="rh-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, image: str, work_dir: Path, homes: Path) -> Place:
    return make_place(request, request.param, work_dir, homes)


def make_place(request: pytest.FixtureRequest, kind: str, work_dir: Path, homes: Path) -> Place:
    if kind in ("singularity", "rootless podman"):
        name = "apptainer_host" if kind == "singularity" else "podman_host"
        host: ApptainerHost = request.getfixturevalue(name)
        machine = (apptainer_machine if kind == "singularity" else podman_machine)(host)
        folder = host.shared / f"homes-{uuid.uuid4().hex[:8]}"
        folder.mkdir()
        os.chown(folder, machine.user, machine.user)
        return Place(machine, folder, None, machine.user)
    if kind == "singularity of root":
        host = request.getfixturevalue("apptainer_host")
        host.shared.chmod(0o755)  # root without capabilities has to get through, too
        folder = Path(tempfile.mkdtemp(prefix="homes-", dir=host.shared))
        folder.chmod(0o755)
        place = root_place("singularity", host.shared / "w-root", folder)
        place.machine.prefix, place.machine.python = host.prefix("root"), ["python3", "-m"]
        return place
    if kind == "docker group":
        return docker_group_place(work_dir, homes)
    if kind == "podman":
        request.getfixturevalue("podman_image")
    return root_place(kind, work_dir, homes)


def run(
    place: Place, service: FakeService, make_spec: MakeJob, script: str, **changes: Any
) -> dict[str, Any]:
    """Run a script with the home; the last report, once nothing else is left."""
    service.reports.clear()
    command = ["sh", "-c", f"set -e; {script}"]
    spec = make_spec(place.machine, **{"command": command, "binds": [place.bind()], **changes})
    place.machine.run(spec)
    report = service.wait_for_end()
    wait_until(lambda: place.machine.leaves_nothing(spec), "nothing is left")
    assert not (place.machine.work_dir / "mounts").exists()
    return report


WRITE = "cd; pwd; id -u; echo one >file; chmod 600 file; mkdir dir; echo inner >dir/inner"
CHANGE = (
    "cd; cat file; echo two >>file; rm -r dir; echo new >new; mv new newer; touch -d 12:00 file"
)


# Each user is once the first and once the second: what the first leaves is the same in all cases.
PAIRS = [("root", "1000:1000"), ("1000:1000", "31337:31337"), ("31337:31337", "root")]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_files_are_the_persons_whoever_runs(
    place: Place, service: FakeService, make_spec: MakeJob, first: str, second: str
) -> None:
    """Written as one user, read, appended to and deleted as another, and usable outside."""
    report = run(place, service, make_spec, WRITE, hardening__user=first)
    inside = "0" if first == "root" else first.partition(":")[0]
    if place.machine.engine == "singularity" and first != "root":
        inside = str(place.machine.user)  # as whom the agent runs
    assert report["detail"].split()[-2:] == ["/home/metauser", inside], report
    assert place.home.stat().st_mode & 0o777 == 0o700
    assert place.owners() == {place.uid}
    report = run(place, service, make_spec, CHANGE, hardening__user=second)
    assert report["detail"].split()[-1] == "one", report
    assert place.owners() == {place.uid}
    assert place.as_person("cat", str(place.home / "file")) == "one\ntwo\n"
    place.as_person("rm", str(place.home / "newer"))
    assert sorted(os.listdir(place.home)) == ["file"]
    assert place.home.stat().st_mode & 0o777 == 0o700


@pytest.fixture(params=("docker", "podman", "docker group"))
def user_place(request: pytest.FixtureRequest, image: str, work_dir: Path, homes: Path) -> Place:
    """A place where images that bear any user are told whom to run as."""
    return make_place(request, request.param, work_dir, homes)


def test_image_that_runs_as_anybody(
    user_place: Place, service: FakeService, make_spec: MakeJob
) -> None:
    """It runs as the user, whom it knows by a name."""
    script = f"{WRITE}; whoami; echo ~; grep -c . /etc/group"
    report = run(user_place, service, make_spec, script, any_user=True)
    words = report["detail"].split()
    assert words == ["/home/metauser", str(ALICE), "user", "/home/metauser", "2"]
    assert user_place.owners() == {ALICE}
    assert user_place.home.stat().st_mode & 0o777 == 0o700
    assert user_place.as_person("cat", str(user_place.home / "file")) == "one\n"


@pytest.mark.parametrize("user", USERS)
def test_docker_without_root_refuses_other_users(
    image: str, work_dir: Path, homes: Path, service: FakeService, make_spec: MakeJob, user: str
) -> None:
    place = docker_group_place(work_dir, homes)
    report = run(place, service, make_spec, "touch $HOME/x", hardening__user=user)
    assert (report["state"], report["reason"]) == ("failed", "storage_owner")
    assert f"belong to user {ALICE}, but the image runs as user" in report["detail"]
    assert not (homes / "alice").exists()


ROOT_PLACES = ("docker", "podman", "rootless podman")


@pytest.mark.parametrize("place", ROOT_PLACES, indirect=True)
def test_image_that_starts_as_root_and_becomes_somebody_else(
    place: Place, service: FakeService, make_spec: MakeJob
) -> None:
    add = "echo worker:x:1000:1000::/:/bin/sh >>/etc/passwd; echo worker:x:1000: >>/etc/group"
    become = "start-stop-daemon -S -c worker:worker -x /bin/sh --"
    script = f"id -u; {add}; {become} -ec '{WRITE}'"
    report = run(place, service, make_spec, script, home_user=1000)
    assert report["detail"].split() == ["0", "/home/metauser", "1000"], report
    assert place.owners() == {place.uid}


@pytest.mark.parametrize("user", ["root", "31337:31337"])
def test_task_with_a_home_answers(
    place: Place, service: FakeService, make_spec: MakeJob, user: str
) -> None:
    """Through the namespaces that the recipe makes, too."""
    spec = make_spec(place.machine, binds=[place.bind()], hardening__user=user)
    place.machine.run(spec)
    report = service.wait_for("running", "failed")
    assert report["state"] == "running", report
    assert "hello from the task" in fetch(interface(place.machine, spec))
    assert not (place.machine.work_dir / "mounts").exists()  # the container alone has them
    assert place.machine.stop(spec) == {"state": "stopped"}
    assert place.machine.leftovers(spec) == []
    assert place.owners() == {place.uid}


@pytest.mark.parametrize("place", ["docker", "podman"], indirect=True)
def test_root_of_a_container_has_the_persons_rights_alone(
    place: Place, service: FakeService, make_spec: MakeJob
) -> None:
    """In directories that users may name themselves."""
    project = place.homes / "data" / "project"
    project.mkdir(parents=True)
    os.chown(project, ALICE, ALICE)
    (project / "secret").write_text("of root")
    (project / "secret").chmod(0o600)
    (place.homes / "data" / "link").symlink_to("project")
    named = {"target": "/named", "within": str(place.homes / "data")}
    binds = [place.bind(), {"source": str(place.homes / "data" / "link"), **named}]
    script = "cat /named/secret 2>/dev/null || echo closed; echo mine >/named/new"
    report = run(place, service, make_spec, script, binds=binds)
    # One stream only: the order of two is by chance.
    assert report["detail"].split()[-1] == "closed", report
    assert (project / "new").stat().st_uid == ALICE
    outside = {"source": str(place.homes / "data" / ".."), **named}
    line = place.machine.run(make_spec(place.machine, binds=[outside]))
    assert "is not a plain path" in line["error"]
    (place.homes / "data" / "etc").symlink_to("/etc")
    binds = [{"source": str(place.homes / "data" / "etc"), **named}]
    report = run(place, service, make_spec, "true", binds=binds)
    assert (report["state"], report["reason"]) == ("failed", "storage_outside")


def test_missing_directory(place: Place, service: FakeService, make_spec: MakeJob) -> None:
    bind = place.bind(create=False)
    report = run(place, service, make_spec, "true", binds=[bind])
    assert (report["state"], report["reason"]) == ("failed", "storage_missing")
    assert report["detail"] == f"{place.home} does not exist."
    assert not place.home.exists()


# --- agents that are killed ----------------------------------------------------------------------

#: Stands in for docker, and kills the agent that calls it with one verb.
KILLER = """\
#!/bin/sh
if [ "$1" = "$KILL_AT" ] && mkdir "{folder}/killed" 2>/dev/null; then
    [ "$KILL_WHEN" = before ] || "{docker}" "$@"
    kill -9 "$PPID"
    exit 1
fi
exec "{docker}" "$@"
"""


# In the order of a start: after one step is before the next one.
STEPS = [*((verb, "before") for verb in ("image", "create", "cp", "rm", "run")), ("run", "after")]


@pytest.mark.parametrize(("verb", "when"), STEPS)
@pytest.mark.parametrize("restarted", [True, False], ids=["restarted", "stopped"])
def test_agent_killed_at_each_step(
    image: str,
    work_dir: Path,
    homes: Path,
    tmp_path: Path,
    service: FakeService,
    make_spec: MakeJob,
    verb: str,
    when: str,
    restarted: bool,
) -> None:
    """Nothing is lost, and nothing stays behind: neither mounts nor containers."""
    place = root_place("docker", work_dir, homes)
    killer = tmp_path / "docker"
    killer.write_text(KILLER.format(folder=tmp_path, docker=shutil.which("docker")))
    killer.chmod(0o755)
    place.home.mkdir()
    os.chown(place.home, ALICE, ALICE)
    (place.home / "thesis").write_text("years")
    spec = make_spec(place.machine, binds=[place.bind()], path=[str(tmp_path)])
    agent = place.machine.run(spec, KILL_AT=verb, KILL_WHEN=when)["pid"]
    wait_until(lambda: not is_running(agent), "the agent is killed")
    assert (place.machine.sandbox(spec)).exists()
    if restarted:
        place.machine.run(spec)
        service.wait_for("running")
    assert place.machine.stop(spec) == {"state": "stopped"}
    assert place.machine.leftovers(spec) == []
    assert not work_dir.exists()
    assert mounted_below(str(work_dir)) == []
    assert (place.home / "thesis").read_text() == "years"


BASE_INTERFACES = {
    "jupyternotebook": (8888, "http"),
    "minimaldesktop": (8590, "http"),
    "sshserver": (2222, "ssh"),
}
WHO = ("sh", "-c", 'whoami; id -u; echo "$HOME"; touch "$HOME/written"')


@pytest.mark.parametrize("user_place", ["docker", "docker group"], indirect=True)
@pytest.mark.parametrize("name", ["jupyternotebook", "minimaldesktop", "sshserver"])
def test_base_container_with_a_home(
    user_place: Place,
    service: FakeService,
    make_spec: MakeJob,
    base_containers: dict[str, str],
    name: str,
) -> None:
    """What the software keeps in its home is the user's, and in the user's home."""
    port, protocol = BASE_INTERFACES[name]
    spec = make_spec(
        user_place.machine,
        binds=[user_place.bind()],
        any_user=True,
        image__reference=base_containers[name],
        interface={"port": port, "protocol": protocol, "custom_port": False, "path": "/"},
        limits={},
    )
    user_place.machine.run(spec)
    report = service.wait_for("running", "failed")
    assert report["state"] == "running", report
    process = subprocess.run(
        ["docker", "exec", container_name(spec["task"], 1), "/opt/rosetta/entrypoint", *WHO],
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.split() == ["metauser", str(ALICE), "/home/metauser"]
    assert user_place.machine.stop(spec) == {"state": "stopped"}
    assert user_place.owners() == {ALICE}
    assert (user_place.home / "written").read_text() == ""
    assert user_place.home.stat().st_mode & 0o777 == 0o700
