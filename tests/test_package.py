"""What is uploaded: sdist and wheel, and what they say of themselves."""

import email.message
import email.parser
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from trove_classifiers import classifiers

from .test_house import ROOT, SOURCES, tracked_files

pytestmark = pytest.mark.system


@dataclass(frozen=True)
class Built:
    """The names of the files in both, and the wheel's metadata."""

    sdist: set[str]
    wheel: set[str]
    metadata: email.message.Message


def build(kind: str, source: Path, target: Path) -> Path:
    """One of the two, by the build backend itself, without a network."""
    code = f"import sys; from setuptools import build_meta; build_meta.build_{kind}(sys.argv[1])"
    command = [sys.executable, "-W", "ignore", "-c", code, str(target)]
    subprocess.run(command, cwd=source, check=True, timeout=110, capture_output=True)
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sdist of a copy, because a build leaves folders behind, and the wheel of that sdist."""
    directory = tmp_path_factory.mktemp("built")
    for name in ("copy", "sdist", "unpacked", "wheel"):
        (directory / name).mkdir()
    for path in tracked_files():
        target = directory / "copy" / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    with tarfile.open(build("sdist", directory / "copy", directory / "sdist")) as archive:
        archive.extractall(directory / "unpacked", filter="data")
    (source,) = (directory / "unpacked").iterdir()
    sdist = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    with zipfile.ZipFile(build("wheel", source, directory / "wheel")) as archive:
        names = set(archive.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
    wheel = {name for name in names if ".dist-info/" not in name}
    return Built(sdist, wheel, email.parser.Parser().parsestr(text))


def test_sdist_holds_every_file(built: Built) -> None:
    expected = {str(path.relative_to(ROOT)) for path in tracked_files()} - {".gitignore"}
    assert expected - built.sdist == set()
    added = {name for name in built.sdist - expected if ".egg-info/" not in name}
    assert added == {"PKG-INFO"}


def test_wheel_of_the_sdist_holds_every_file(built: Built) -> None:
    assert built.wheel == {
        str(Path(package, path.relative_to(folder)))
        for package, folder in SOURCES.items()
        for path in tracked_files()
        if path.is_relative_to(folder)
    }


def test_metadata(built: Built) -> None:
    given = built.metadata.get_all("Classifier", [])
    assert len(given) > 5
    # An index refuses an upload with a classifier that it does not know.
    assert set(given) - classifiers == set()
    for name in ("Author", "Summary", "Requires-Python"):
        assert built.metadata[name], name
    # Its name depends on the setuptools that has built it.
    assert "BSD-3-Clause" in (built.metadata["License-Expression"], built.metadata["License"])
    assert built.metadata["Description-Content-Type"] == "text/markdown"
