"""Whose the files are that a task writes, under each engine for real."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .fake import FakeService, wait_until
from .machine import AgentSpec, ApptainerHost, apptainer_machine, podman_machine
from .places import PERSON, Place, docker_group_place, root_place

# Images may have to be built first, which takes minutes.
pytestmark = [pytest.mark.system, pytest.mark.timeout(func_only=True)]

MakeJob = Callable[..., AgentSpec]
USERS = ("root", "1000:1000", "31337:31337")
PLACES = ("docker", "podman", "rootless podman", "singularity")


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
    wait_until(lambda: not place.machine.leftovers(spec), "nothing is left")
    assert not (place.machine.work_dir / "mounts").exists()
    return report


WRITE = "cd; pwd; id -u; echo one >file; chmod 600 file; mkdir dir; echo inner >dir/inner"
CHANGE = (
    "cd; cat file; echo two >>file; rm -r dir; echo new >new; mv new newer; touch -d 12:00 file"
)


@pytest.mark.parametrize("second", USERS)
@pytest.mark.parametrize("first", USERS)
def test_files_are_the_persons_whoever_runs(
    place: Place, service: FakeService, make_spec: MakeJob, first: str, second: str
) -> None:
    """Written as one user, read, appended to and deleted as another, and usable outside."""
    report = run(place, service, make_spec, WRITE, hardening__user=first)
    inside = "0" if first == "root" else first.partition(":")[0]
    if place.machine.engine == "singularity" and first != "root":
        inside = str(place.uid)
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
def told(request: pytest.FixtureRequest, image: str, work_dir: Path, homes: Path) -> Place:
    """A place where images that bear any user are told whom to run as."""
    return make_place(request, request.param, work_dir, homes)


def test_image_that_runs_as_anybody(told: Place, service: FakeService, make_spec: MakeJob) -> None:
    """It runs as the person, whom it knows by a name."""
    script = f"{WRITE}; whoami; echo ~; grep -c . /etc/group"
    report = run(told, service, make_spec, script, any_user=True)
    said = report["detail"].split()
    assert said == ["/home/metauser", str(PERSON), "user", "/home/metauser", "2"]
    assert told.owners() == {PERSON}
    assert told.home.stat().st_mode & 0o777 == 0o700
    assert told.as_person("cat", str(told.home / "file")) == "one\n"


@pytest.mark.parametrize("user", USERS)
def test_docker_without_root_refuses_other_users(
    image: str, work_dir: Path, homes: Path, service: FakeService, make_spec: MakeJob, user: str
) -> None:
    place = docker_group_place(work_dir, homes)
    report = run(place, service, make_spec, "touch $HOME/x", hardening__user=user)
    assert (report["state"], report["reason"]) == ("failed", "storage_owner")
    assert f"belong to user {PERSON}, but the image runs as user" in report["detail"]
    assert not (homes / "person").exists()
