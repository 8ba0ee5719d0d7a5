"""Image files: where they are converted, how many at once, which ones go."""

import os
from collections import namedtuple
from pathlib import Path

import pytest

from rosetta_agent.engines.base import Pulling
from rosetta_agent.engines.images import ImageStore, parse_source
from rosetta_agent.errors import Cancelled, SpecError, TaskFailure
from rosetta_agent.image_cache import (
    CONVERSIONS,
    MARK_SECONDS,
    choose_scratch,
    conversion_slot,
    prune,
)
from rosetta_agent.monitor import Monitor, MonitorSpec
from rosetta_agent.spec import Image

GB = 1 << 30
IMAGE = Image("r.org/casa:6", None, "missing", None)
Usage = namedtuple("Usage", "free")

PROGRAM = """#!/bin/sh
for target; do case "$target" in *.sif.part*) break;; esac; done
echo "$APPTAINER_TMPDIR $https_proxy" >> "$(dirname "$0")/calls"
printf image > "$target"
"""


def program(folder: Path, text: str = PROGRAM) -> str:
    """An Apptainer that makes a file of five bytes, and says where it works."""
    path = folder / "apptainer"
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def pulling() -> Pulling:
    return Pulling(lambda: False, lambda _seconds: False, lambda _progress: None, lambda: None)


def set_free(monkeypatch: pytest.MonkeyPatch, free: dict[str, int]) -> None:
    """Room of the directories that these paths begin with."""

    def disk_usage(path: str) -> Usage:
        return Usage(next(room for begin, room in free.items() if path.startswith(begin)))

    monkeypatch.setattr("shutil.disk_usage", disk_usage)


@pytest.mark.parametrize(
    ("local", "shared", "text"),
    [
        (100 * GB, 900 * GB, "/l"),
        (3 * GB, 900 * GB, "/s"),
        (3 * GB, 2 * GB, "/l"),
    ],
)
def test_scratch_is_where_there_is_room(
    local: int, shared: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_free(monkeypatch, {"/l": local, "/s": shared})
    assert choose_scratch("/l", "/s") == text
    assert choose_scratch("/l", None) == "/l"


def test_conversion_takes_place_in_image_dir(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node whose /tmp is small: seen with 3 GB, five images at once were all "disk full"."""
    local, shared = tmp_path / "local", tmp_path / "shared"
    set_free(monkeypatch, {str(local): 3 * GB, str(shared): 900 * GB})
    image = IMAGE._replace(cache=str(shared), proxy="http://proxy:3128")
    ImageStore(str(local)).fetch(program(tmp_path), image, pulling())
    scratch, proxy = (tmp_path / "calls").read_text().split()
    assert Path(scratch).parent == shared
    assert proxy == "http://proxy:3128"
    assert [path.suffix for path in shared.iterdir()] == [".sif"]


def test_conversions_at_once(tmp_path: Path) -> None:
    def give_up(_seconds: float) -> bool:
        return True

    slots = [conversion_slot(str(tmp_path), give_up) for _ in range(CONVERSIONS)]
    for slot in slots:
        slot.__enter__()
    with pytest.raises(Cancelled), conversion_slot(str(tmp_path), give_up):
        pass
    slots[0].__exit__(None, None, None)
    with conversion_slot(str(tmp_path), give_up):
        pass
    slots[1].__exit__(None, None, None)


def make_image(folder: Path, name: str, age: float, size: int = 100) -> Path:
    """An image that was used for the last time so many seconds before the newest one."""
    path = folder / f"{name}.sif"
    path.write_bytes(b"x" * size)
    now = (folder / "newest.sif").stat().st_mtime if name != "newest" else path.stat().st_mtime
    os.utime(path, (now - age, now - age))
    return path


def test_images_that_were_unused_for_the_longest_go(tmp_path: Path) -> None:
    newest = make_image(tmp_path, "newest", 0)
    running = make_image(tmp_path, "running", 700)
    old, older = make_image(tmp_path, "old", 5000), make_image(tmp_path, "older", 9000)
    part = tmp_path / "x.sif.part-1"
    part.touch()
    os.utime(part, (1, 1))
    prune(str(tmp_path), 400, str(newest))
    assert not part.exists()
    assert older.exists()
    prune(str(tmp_path), 300, str(newest))
    assert (older.exists(), old.exists()) == (False, True)
    prune(str(tmp_path), 1, str(newest))
    assert (old.exists(), running.exists(), newest.exists()) == (False, True, True)


def test_fetching_marks_and_prunes(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    image = IMAGE._replace(cache=str(cache), cache_size=8)
    store = ImageStore(str(tmp_path / "local"))
    tool = program(tmp_path)
    store.fetch(tool, image, pulling())
    first = Path(store.path(image))
    os.utime(first, (1, 1))
    store.fetch(tool, image, pulling())  # found: used now
    assert first.stat().st_mtime > 1
    os.utime(first, (1, 1))
    store.fetch(tool, image._replace(reference="r.org/other:1"), pulling())
    assert not first.exists()
    assert len(list(cache.glob("*.sif"))) == 1


def test_keeper_marks_the_image_of_its_container(tmp_path: Path) -> None:
    image = tmp_path / "x.sif"
    image.touch()
    os.utime(image, (1, 1))
    spec = MonitorSpec([], {}, "", "host", None, 80, None, None, None, 1.0, True, str(image))
    monitor = Monitor(spec)
    monitor._check(0.0)
    assert image.stat().st_mtime > 1
    os.utime(image, (1, 1))
    monitor._check(MARK_SECONDS - 1)
    assert image.stat().st_mtime == 1


def test_image_dir_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that root has made, for which the image is not there yet."""
    image = IMAGE._replace(cache=str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir(0o700)

    def refuse(*_arguments: object) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("rosetta_agent.lease_lock.Lease.take", refuse)
    with pytest.raises(SpecError, match=r"image_dir: .* cannot be written to: Permission denied"):
        ImageStore(str(tmp_path / "local")).fetch(program(tmp_path), image, pulling())


def test_conversion_that_is_killed_for_memory(tmp_path: Path) -> None:
    store = ImageStore(str(tmp_path / "local"))
    text = "#!/bin/sh\necho FATAL: while creating squashfs: create command failed: signal: killed\n"
    for body in (f"{text}exit 255\n", "#!/bin/sh\nkill -9 $$\n"):
        with pytest.raises(TaskFailure) as error:
            store.fetch(program(tmp_path, body), IMAGE, pulling())
        assert error.value.reason == "out_of_memory"


@pytest.mark.parametrize(
    ("reference", "file", "uri"),
    [
        ("/cvmfs/sw/casa.sif", "/cvmfs/sw/casa.sif", None),
        ("/cvmfs/unpacked/casa:6.5", "/cvmfs/unpacked/casa:6.5", None),
        ("docker-archive:/data/casa.tar", "/data/casa.tar", "docker-archive:/data/casa.tar"),
        ("r.org/casa:6.sif", None, "docker://r.org/casa:6.sif"),
        ("casa", None, "docker://casa"),
    ],
)
def test_sources(reference: str, file: str | None, uri: str | None) -> None:
    assert parse_source(IMAGE._replace(reference=reference)) == (file, uri)
