"""Directories of tasks: opened, made, checked and mounted; every way in which one can't be used."""

import contextlib
import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rosetta_agent import binds as binds_module
from rosetta_agent import idmap, mounts
from rosetta_agent.as_user import call_as
from rosetta_agent.bind_options import Bind, Owner
from rosetta_agent.binds import prepare
from rosetta_agent.cleanup import sweep
from rosetta_agent.errors import TaskFailure
from rosetta_agent.file_owners import ROOT, ImageUser, Place, choose_recipe
from rosetta_agent.mountinfo import mounted_below
from rosetta_agent.mounts import Mounts
from rosetta_agent.sandbox import Sandbox, remove_path
from rosetta_agent.spec import Attempt

pytestmark = pytest.mark.system  # as root, who mounts

ALICE, OTHER = Owner(5000, 5001), Owner(6000, 6001)
DOCKER = Place("docker", ROOT, personal=False, can_mount=True)
UNPRIVILEGED = Place("docker", ROOT, personal=False)
WORKER = ImageUser(Owner(1000, 1000))


@pytest.fixture
def top() -> Iterator[Path]:
    """Directories that belong to root, in one that anybody may look into."""
    path = Path(tempfile.mkdtemp(prefix="rb-", dir="/var/tmp"))
    path.chmod(0o755)
    yield path
    for point in sorted(mounted_below(str(path)), key=len, reverse=True):
        idmap.unmount(point)
    shutil.rmtree(path)


@pytest.fixture
def attempt(top: Path) -> Attempt:
    return Attempt("3f9a1c22b7e4", 1, str(top / "w"), "docker")


class Storage:
    """Binds below one directory, prepared as an agent does it that is root."""

    def __init__(self, top: Path, attempt: Attempt) -> None:
        self.top = top
        self.mounts = Mounts(attempt)
        Sandbox(attempt).create()
        self.homes = top / "homes"
        self.homes.mkdir()
        self.home = self.homes / "alice"

    def bind(self, **changes: Any) -> Bind:
        bind = Bind(str(self.home), "/home/metauser", False, home=True, owner=ALICE)
        return bind._replace(**changes)

    def prepare(self, place: Place = DOCKER, image: ImageUser = WORKER, **changes: Any) -> Path:
        """What the engine would be given."""
        bind = self.bind(**changes)
        (prepared,) = prepare([bind], place, choose_recipe(place, image, bind.owner), self.mounts)
        assert prepared == bind._replace(source=prepared.source)
        return Path(prepared.source)

    def refusal(self, **changes: Any) -> tuple[str, str]:
        with pytest.raises(TaskFailure) as error:
            self.prepare(**changes)
        assert not any(self.points())
        return error.value.reason, error.value.detail

    def points(self) -> list[str]:
        return mounted_below(str(self.top / "w"))


@pytest.fixture
def storage(top: Path, attempt: Attempt) -> Storage:
    return Storage(top, attempt)


def make(path: Path, owner: Owner = ALICE, mode: int = 0o700) -> Path:
    path.mkdir()
    path.chmod(mode)
    os.chown(path, owner.uid, owner.gid)
    return path


def described(path: Path) -> tuple[int, int, int]:
    info = path.lstat()
    return info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode)


@contextlib.contextmanager
def mounted(kind: str, path: Path, options: str) -> Iterator[None]:
    subprocess.run(["mount", "-t", kind, "-o", options, kind, str(path)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@contextlib.contextmanager
def bound(source: Path, target: Path) -> Iterator[None]:
    subprocess.run(["mount", "--bind", str(source), str(target)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(target)], check=True)


# --- mounts --------------------------------------------------------------------------------------


def test_files_are_shown_as_the_image_users(storage: Storage) -> None:
    make(storage.home)
    (storage.home / "roots").write_text("x")
    result = storage.prepare()
    assert str(result) == str(storage.top / "w" / "mounts" / "3f9a1c22b7e4-1" / "0")
    assert described(result) == (1000, 1000, 0o700)
    assert (result / "roots").stat().st_uid == 65534  # nobody's
    script = "touch new && chmod 640 new"
    subprocess.run(["sh", "-c", script], user=1000, group=1000, cwd=result, check=True)
    assert described(storage.home / "new") == (5000, 5001, 0o640)
    storage.mounts.release()
    assert storage.points() == []
    assert os.listdir(storage.top / "w") == ["3f9a1c22b7e4-1"]
    assert sorted(os.listdir(storage.home)) == ["new", "roots"]


def test_others_files_are_closed_to_root(storage: Storage) -> None:
    """Root of a container has the rights of the directory's owner, not those of root."""
    make(storage.home)
    make(storage.home / "others", OTHER)
    result = storage.prepare(image=ImageUser(ROOT))
    assert described(result)[:2] == (0, 0)
    with pytest.raises(OSError, match=r"Value too large|Permission denied"):
        (result / "others" / "x").write_text("")
    with pytest.raises(PermissionError):
        os.listdir(result / "others")


def test_read_only(storage: Storage) -> None:
    make(storage.home)
    result = storage.prepare(read_only=True)
    with pytest.raises(OSError, match="Read-only file system"):
        (result / "x").write_text("")
    result = storage.prepare(read_only=True, image=ImageUser(ALICE))
    with pytest.raises(OSError, match="Read-only file system"):
        (result / "x").write_text("")


def test_directory_that_is_exchanged_after_it_was_opened(storage: Storage) -> None:
    make(storage.home)
    result = storage.prepare(image=ImageUser(ALICE))
    storage.home.rename(storage.homes / "away")
    storage.home.symlink_to("/etc")
    assert os.listdir(result) == []
    assert described(result) == (5000, 5001, 0o700)


def test_release_of_what_is_in_use(storage: Storage) -> None:
    make(storage.home)
    result = storage.prepare(image=ImageUser(ALICE))
    with (result / "open").open("w") as file:
        storage.mounts.release()
        file.write("written")
    assert storage.points() == []
    assert (storage.home / "open").read_text() == "written"


def test_mounts_of_a_killed_agent_are_taken_away(storage: Storage) -> None:
    make(storage.home)
    (storage.home / "file").write_text("x")
    for _agent in range(3):
        result = storage.prepare()
    assert storage.points() == [str(result)]
    assert (result / "file").exists()


def test_mount_that_is_not_there(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task would write into the empty mount point."""
    make(storage.home)
    monkeypatch.setattr(idmap, "mount_mapped", lambda *_arguments: None)
    reason, detail = storage.refusal()
    assert reason == "storage_unavailable"
    assert detail.endswith("is not mounted.")


def test_file_system_that_maps_no_owners(storage: Storage) -> None:
    make(storage.home)
    with mounted("ramfs", storage.home, "mode=700"):
        os.chown(storage.home, *ALICE)
        reason, detail = storage.refusal()
        assert reason == "storage_owner"
        assert "can't show files as another user's" in detail
        assert described(storage.prepare(read_only=True)) == (5000, 5001, 0o700)
        assert described(storage.prepare(image=ImageUser(ALICE))) == (5000, 5001, 0o700)
        storage.mounts.release()


# --- nothing is ever removed through a mount -----------------------------------------------------


def test_sandbox_with_a_mount_in_it_stays(storage: Storage, attempt: Attempt) -> None:
    make(storage.home)
    (storage.home / "thesis").write_text("years")
    sandbox = Sandbox(attempt)
    inside = make(Path(sandbox.file("inside")), ROOT)
    with bound(storage.home, inside):
        for remove in (sandbox.clear, sandbox.empty, sandbox.discard, sandbox.remove):
            remove()
        remove_path(str(storage.top / "w"))
        assert (storage.home / "thesis").read_text() == "years"
    sandbox.remove()
    assert (storage.home / "thesis").read_text() == "years"
    assert not Path(sandbox.path).exists()


def test_sweep_takes_mounts_away_that_have_no_sandbox(storage: Storage, attempt: Attempt) -> None:
    make(storage.home)
    (storage.home / "thesis").write_text("years")
    storage.prepare()
    later = attempt._replace(task="000000000000", engine="singularity")
    Sandbox(later).create()
    sweep(later)
    assert storage.points() != []  # somebody may look after it
    Sandbox(attempt).remove()
    sweep(later)
    assert storage.points() == []
    assert (storage.home / "thesis").read_text() == "years"


def test_what_is_in_a_mount_point_stays(storage: Storage) -> None:
    make(storage.home)
    result = storage.prepare()
    idmap.unmount(str(result))
    (result / "written").write_text("by a task that saw no mount")
    storage.mounts.release()
    assert (result / "written").exists()


# --- made where it is missing --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parent", "mode"), [(ROOT, 0o755), (ROOT, 0o1777), (ALICE, 0o700), (OTHER, 0o1777)]
)
def test_missing_directory_is_made(storage: Storage, parent: Owner, mode: int) -> None:
    os.chown(storage.homes, *parent)
    storage.homes.chmod(mode)
    storage.prepare(create=True)
    assert described(storage.home) == (*ALICE, 0o700)
    assert os.listdir(storage.homes) == ["alice"]


def test_directory_that_is_there_keeps_its_mode(storage: Storage) -> None:
    make(storage.home, mode=0o750)
    storage.prepare(create=True)
    assert described(storage.home) == (*ALICE, 0o750)


def test_agent_killed_while_it_made_the_directory(storage: Storage) -> None:
    make(storage.homes / ".alice.rosetta-new", ROOT)
    storage.prepare(create=True)
    assert described(storage.home) == (*ALICE, 0o700)
    assert os.listdir(storage.homes) == ["alice"]


def test_missing_parent_is_not_made(storage: Storage) -> None:
    source = str(storage.homes / "not-mounted" / "alice")
    assert storage.refusal(create=True, source=source) == (
        "storage_missing",
        f"{storage.homes}/not-mounted does not exist.",
    )
    assert os.listdir(storage.homes) == []


def test_directory_in_one_of_somebody_else_is_not_made(storage: Storage) -> None:
    os.chown(storage.homes, *OTHER)
    assert storage.refusal(create=True)[0] == "storage_denied"
    assert os.listdir(storage.homes) == []


# --- what can't be used --------------------------------------------------------------------------


def test_missing(storage: Storage) -> None:
    assert storage.refusal() == ("storage_missing", f"{storage.home} does not exist.")


@pytest.mark.parametrize("kind", ["file", "fifo"])
def test_no_directory(storage: Storage, kind: str) -> None:
    if kind == "file":
        storage.home.write_text("")
    else:
        os.mkfifo(storage.home)
    assert storage.refusal() == ("storage_missing", f"{storage.home} is not a directory.")


@pytest.mark.parametrize("read_only", [False, True])
def test_no_permission(storage: Storage, read_only: bool) -> None:
    make(storage.home, OTHER)
    assert storage.refusal(read_only=read_only) == (
        "storage_denied",
        f"{storage.home} may not be used by this account.",
    )


def test_home_that_cannot_be_written_to(storage: Storage) -> None:
    make(storage.home, OTHER, 0o755)
    assert storage.refusal()[0] == "storage_denied"
    storage.prepare(home=False)  # a project's directory: some below it may be open
    storage.prepare(read_only=True)


def test_read_only_source(storage: Storage) -> None:
    make(storage.home)
    with mounted("tmpfs", storage.home, "mode=777,ro"):
        reason, detail = storage.refusal()
        assert (reason, detail) == (
            "storage_read_only",
            f"{storage.home} can only be read at the moment.",
        )
        storage.prepare(read_only=True)
        storage.mounts.release()


def test_full_disk(storage: Storage) -> None:
    make(storage.home)
    with mounted("tmpfs", storage.home, "mode=777,size=8k"):
        with contextlib.suppress(OSError), (storage.home / "filler").open("wb") as filler:
            filler.write(b"x" * 100_000)
        assert storage.refusal() == ("storage_full", f"{storage.home} has no space left.")
        assert os.listdir(storage.home) == ["filler"]


def test_full_disk_of_the_work_directory(storage: Storage) -> None:
    """It is not the storage that has no space left."""
    make(storage.home)
    with mounted("tmpfs", storage.top / "w", "size=4k,nr_inodes=2"):
        (storage.top / "w" / "filler").touch()
        with pytest.raises(TaskFailure) as error:
            storage.prepare()
    assert error.value.reason == "disk_full"


@pytest.mark.parametrize(
    ("number", "reason", "words"),
    [
        (errno.EDQUOT, "storage_full", "the quota is used up"),
        (errno.ESTALE, "storage_unavailable", "stale handle"),
        (errno.EIO, "storage_unavailable", "Input/output error"),
    ],
)
def test_errors_of_file_servers(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, number: int, reason: str, words: str
) -> None:
    def fail(_directory: int) -> None:
        raise OSError(number, os.strerror(number))

    make(storage.home)
    monkeypatch.setattr(binds_module, "_write_probe", fail)
    result, detail = storage.refusal()
    assert result == reason
    assert words in detail


def test_file_server_that_does_not_answer(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(owner: Owner | None, _call: Callable[[], object], _seconds: float = 0) -> int:
        return call_as(owner, signal.pause, 0.1)

    make(storage.home)
    monkeypatch.setattr(binds_module, "call_as", hang)
    assert storage.refusal() == ("storage_unavailable", f"{storage.home} does not answer.")


# --- links ---------------------------------------------------------------------------------------


def test_storage_that_was_exchanged_for_a_link(storage: Storage) -> None:
    secret = make(storage.top / "secret", ROOT)
    os.chown(storage.homes, *ALICE)
    storage.home.symlink_to(secret)
    os.chown(storage.home, *ALICE, follow_symlinks=False)
    assert storage.refusal(image=ImageUser(ROOT)) == (
        "storage_outside",
        f"{storage.home} is reached by a link that is not followed.",
    )
    assert storage.refusal(create=True)[0] == "storage_outside"


def test_links_of_the_administrator(storage: Storage) -> None:
    make(storage.top / "disk", ROOT, 0o755)
    make(storage.top / "disk" / "alice")
    (storage.top / "data").symlink_to("./disk/../disk")
    (storage.homes / "link").symlink_to(storage.top / "data")
    result = storage.prepare(source=str(storage.homes / "link" / "alice"))
    assert described(result) == (1000, 1000, 0o700)
    storage.prepare(source=str(storage.homes / "link" / "new"), create=True)
    assert described(storage.top / "disk" / "new") == (*ALICE, 0o700)


def test_links_in_a_circle(storage: Storage) -> None:
    storage.home.symlink_to(storage.home)
    assert storage.refusal()[0] == "storage_outside"


@pytest.fixture
def data(storage: Storage) -> Path:
    """What users may name directories in."""
    path = make(storage.top / "data", ROOT, 0o755)
    make(path / "a", ALICE, 0o755)
    make(path / "a" / "b", ALICE, 0o755)
    (path / "inner").symlink_to("a/b")
    (path / "etc").symlink_to("/etc")
    (path / "up").symlink_to("../homes")
    return path


@pytest.mark.parametrize("name", ["", "a", "a/b", "inner"])
def test_directories_that_users_may_name(storage: Storage, data: Path, name: str) -> None:
    source = str(data / name)
    result = storage.prepare(source=source, within=str(data), home=False)
    assert storage.points() == [str(result)]


@pytest.mark.parametrize("name", ["etc", "etc/ssl", "up", "../homes", "../data2"])
def test_directories_outside(storage: Storage, data: Path, name: str) -> None:
    make(storage.top / "data2", ALICE)
    source = os.path.normpath(data / name)
    reason, detail = storage.refusal(source=source, within=str(data), home=False)
    assert (reason, detail) == (
        "storage_outside",
        f"{source} leads out of the directories that may be bound.",
    )


def test_directories_that_users_name_are_not_made(storage: Storage, data: Path) -> None:
    source = str(data / "new")
    assert storage.refusal(source=source, within=str(data), create=True)[0] == "storage_missing"
    assert not (data / "new").exists()


SWAP = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
top = os.open(sys.argv[1], os.O_PATH)
sys.stdout.write("ready\\n")
sys.stdout.flush()
while True:
    libc.renameat2(top, b"dir", top, b"link", 2)  # RENAME_EXCHANGE
"""


def bind_swapped(storage: Storage, data: Path, inode: int) -> str:
    """Bind the directory that is being exchanged; what came of it."""
    bind = storage.bind(source=f"{data}/a/dir", within=str(data), home=False)
    recipe = choose_recipe(DOCKER, WORKER, ALICE)
    with contextlib.suppress(TaskFailure):
        (prepared,) = prepare([bind], DOCKER, recipe, storage.mounts)
        assert Path(prepared.source).stat().st_ino == inode
        return "mounted"
    return "refused"


def test_link_that_is_swapped_while_it_is_bound(storage: Storage, data: Path) -> None:
    """Whatever is mounted is the directory below, however often it is exchanged for a link."""
    make(storage.top / "secret", ROOT, 0o755)
    make(data / "a" / "dir", ALICE, 0o755)
    (data / "a" / "link").symlink_to("../../secret")
    inode = (data / "a" / "dir").stat().st_ino
    argv = [sys.executable, "-I", "-c", SWAP, str(data / "a")]
    document = {"mounted": 0, "refused": 0}
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            while min(document.values()) < 5:
                document[bind_swapped(storage, data, inode)] += 1
        finally:
            process.kill()


def test_agent_that_may_not_mount(storage: Storage, data: Path) -> None:
    """It can give the engine a path only: users must not be able to change where it leads."""
    image = ImageUser(ALICE)
    result = storage.prepare(UNPRIVILEGED, image, source=f"{data}/a", within=str(data), home=False)
    assert result == data / "a"
    with pytest.raises(TaskFailure) as error:
        storage.prepare(UNPRIVILEGED, image, source=f"{data}/a/b", within=str(data), home=False)
    assert error.value.reason == "storage_outside"
    assert error.value.detail.startswith(f"Users can change {data}/a, and")


def test_engine_on_another_machine(storage: Storage, data: Path) -> None:
    """What is named by the configuration is not looked at; what users name can't be checked."""
    remote = Place("docker", ROOT, personal=False, remote=True)
    assert storage.prepare(remote, ImageUser(ALICE)) == storage.home
    with pytest.raises(TaskFailure) as error:
        storage.prepare(remote, ImageUser(ALICE), source=f"{data}/a", within=str(data))
    assert error.value.reason == "storage_outside"


def test_names_of_leftovers(storage: Storage) -> None:
    assert mounts.find_attempts_with_mounts(str(storage.top / "w")) == []
    make(storage.home)
    storage.prepare()
    assert mounts.find_attempts_with_mounts(str(storage.top / "w")) == ["3f9a1c22b7e4-1"]
