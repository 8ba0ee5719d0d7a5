"""Paths that stay below a directory, with openat2 and without."""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rosetta_agent import safe_paths
from rosetta_agent.safe_paths import has_openat2, open_beneath

READ = os.O_RDONLY


@pytest.fixture(params=["openat2", "old kernel"])
def root(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[int]:
    if request.param == "old kernel":
        monkeypatch.setattr(safe_paths, "has_openat2", lambda: False)
    top = tmp_path / "root"
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "b" / "file").write_text("inside")
    (tmp_path / "secret").write_text("outside")
    links = {
        "inner": "a/b",
        "absolute": "/etc",
        "up": "../secret",
        "back": str(top / "a"),
        "magic": f"/proc/{os.getpid()}/root",
    }
    for name, target in links.items():
        (top / name).symlink_to(target)
    descriptor = os.open(top, os.O_PATH | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def read(root: int, path: str) -> str:
    with open(open_beneath(root, path, READ)) as file:
        return file.read()


def test_paths_below(root: int) -> None:
    assert read(root, "a/b/file") == "inside"
    assert read(root, "./a//b/file") == "inside"
    directory = open_beneath(root, "", os.O_PATH)
    assert os.path.samestat(os.fstat(directory), os.fstat(root))
    os.close(directory)


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "a/../../secret",
        "/etc/passwd",
        "absolute/passwd",
        "up",
        "back/b/file",
        "magic/etc/passwd",
    ],
)
def test_paths_that_lead_out(root: int, path: str) -> None:
    with pytest.raises(OSError, match=r"cross-device|symbolic links|Not a directory") as error:
        read(root, path)
    allowed = {errno.EXDEV}
    if not safe_paths.has_openat2():
        allowed |= {errno.ELOOP, errno.ENOTDIR}
    assert error.value.errno in allowed


def test_link_that_stays_inside(root: int) -> None:
    if safe_paths.has_openat2():
        assert read(root, "inner/file") == "inside"
    else:
        with pytest.raises(NotADirectoryError):
            read(root, "inner/file")


def test_what_is_not_there(root: int) -> None:
    with pytest.raises(FileNotFoundError):
        read(root, "a/nothing")


def test_descriptors_are_not_inherited(root: int) -> None:
    descriptor = open_beneath(root, "a/b/file", READ)
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


def test_this_kernel_has_openat2() -> None:
    assert has_openat2()


SWAP = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
top = os.open(sys.argv[1], os.O_PATH)
sys.stdout.write("ready\\n")
sys.stdout.flush()
while True:
    libc.renameat2(top, b"dir", top, b"link", 2)  # RENAME_EXCHANGE
"""


@pytest.fixture
def swapped(tmp_path: Path) -> Iterator[Path]:
    """A directory that another process exchanges with a link to the outside, all the time."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("outside")
    top = tmp_path / "top"
    (top / "dir").mkdir(parents=True)
    (top / "dir" / "file").write_text("inside")
    (top / "link").symlink_to("../outside")
    argv = [sys.executable, "-I", "-c", SWAP, str(top)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield top
        process.kill()


def test_swapped_links_never_lead_out(swapped: Path) -> None:
    root = os.open(swapped, os.O_PATH)
    document = {"inside": 0, "refused": 0}
    while min(document.values()) < 50:
        try:
            document[read(root, "dir/file")] += 1
        except OSError:
            document["refused"] += 1
    os.close(root)
