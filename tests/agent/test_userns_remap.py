"""A daemon of Docker whose containers have user numbers of their own (dockerd --userns-remap)."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .fake import wait_until
from .machine import CAROL, HOST_OPTIONS, ROOT, AgentSpec, ApptainerHost, Machine, start_host
from .places import ALICE
from .test_check import check

# Images may have to be built first, which takes minutes.
pytestmark = [pytest.mark.system, pytest.mark.timeout(func_only=True)]

MakeJob = Callable[..., AgentSpec]

START = r"""
mount | sed -n 's|^[^ ]* on \(/sys/fs/cgroup[^ ]*\) type cgroup.*|\1|p' |
    xargs -n 1 mount -o remount,bind,rw
exec dockerd --userns-remap=carol
"""


@pytest.fixture(scope="module")
def remapped(image: str, archive: Path) -> Iterator[Machine]:
    """A machine with such a daemon, and the agent as root."""
    build = ROOT / "docker" / "build"
    subprocess.run([build, "standalone-host"], check=True, capture_output=True)
    shared = Path(tempfile.mkdtemp(prefix="ra-", dir="/tmp"))
    shared.chmod(0o755)
    shutil.copy(archive, shared / "agent.tar")
    # A network of its own: the daemon changes the one that it finds.
    options = HOST_OPTIONS[HOST_OPTIONS.index("--pid") :]
    host = start_host(shared, *options, image="standalone-host")
    subprocess.run(["docker", "exec", "--detach", host.name, "sh", "-c", START], check=True)
    wait_until(lambda: asks(host, "info"), "the daemon")
    assert asks(host, "load", "--input", str(shared / "agent.tar"))
    yield Machine("docker", shared / "w", host.prefix("root"), ["python3", "-m"])
    subprocess.run(["docker", "rm", "--force", "--volumes", host.name], check=True)
    shutil.rmtree(shared)


def asks(host: ApptainerHost, *arguments: str) -> bool:
    argv = ["docker", "exec", host.name, "docker", *arguments]
    return subprocess.run(argv, capture_output=True).returncode == 0


@pytest.mark.parametrize("user", ["root", "1000:1000", "31337:31337", None])
def test_files_are_the_persons(remapped: Machine, make_spec: MakeJob, user: str | None) -> None:
    """Also in a directory that no user of a container can reach."""
    closed = remapped.work_dir.parent / "closed"
    closed.mkdir(mode=0o700, exist_ok=True)
    home = closed / "alice"
    owner = {"uid": ALICE, "gid": ALICE}
    bind = {"source": str(home), "target": "/home/metauser", "home": True, "create": True}
    spec = make_spec(
        remapped, hardening__user=user, any_user=user is None, binds=[{**bind, "owner": owner}]
    )
    (content,) = check(remapped, spec)["storages"]
    assert (content.get("uid"), content.get("gid")) == (ALICE, ALICE), content
    info = home.stat()
    assert (info.st_uid, info.st_mode & 0o777) == (ALICE, 0o700)
    assert os.listdir(home) == []


def test_directory_of_a_group(remapped: Machine, make_spec: MakeJob) -> None:
    """The kernel lets nobody write where the user or the group is not one of the mount's."""
    project = remapped.work_dir.parent / "project"
    project.mkdir()
    group = int(run_there(remapped, "stat", "--format=%g", "/var/run/docker.sock"))
    os.chown(project, CAROL, group)
    project.chmod(0o2770)
    bind = {"source": str(project), "target": "/project", "owner": {"uid": CAROL, "gid": CAROL}}
    for user in ("root", "1000:1000"):
        spec = make_spec(remapped, hardening__user=user, binds=[bind])
        (content,) = check(remapped, spec)["storages"]
        assert (content.get("uid"), content.get("gid")) == (CAROL, group), content
        assert content["owner"] == "carol"


def run_there(machine: Machine, *argv: str) -> str:
    return subprocess.run([*machine.prefix, *argv], capture_output=True, text=True).stdout
