"""What is uploaded: sdist and wheel, and what they say of themselves."""

import email.message
import email.parser
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from trove_classifiers import classifiers

from .test_house import ROOT, SOURCES, tracked_files

BUNDLE = ROOT / "rosetta_hub" / "web" / "static" / "bundled"

pytestmark = pytest.mark.system


@dataclass(frozen=True)
class Built:
    """The names of the files in both, and the wheel's metadata."""

    sdist: set[str]
    wheel: set[str]
    metadata: email.message.Message


def bundled_files() -> list[Path]:
    """What git does not have: the pages' third-party scripts, which `scripts/install` bundles."""
    files = list(BUNDLE.iterdir())
    assert {"tus.js", "editor.js", "notebook.js", "LICENSES.txt"} <= {path.name for path in files}
    return files


def copy_project(target: Path, files: list[Path]) -> None:
    """The project without what lies about in a checkout."""
    for path in files:
        copy = target / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())


def build(kind: str, source: Path, target: Path) -> Path:
    """One of the two, by the build backend itself, without a network."""
    code = f"import sys; from setuptools import build_meta; build_meta.build_{kind}(sys.argv[1])"
    command = [sys.executable, "-W", "ignore", "-c", code, str(target)]
    subprocess.run(command, cwd=source, check=True, timeout=110, capture_output=True)
    (result,) = target.iterdir()
    return result


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sdist of a copy, because a build leaves folders behind, and the wheel of that sdist."""
    directory = tmp_path_factory.mktemp("built")
    for name in ("copy", "sdist", "unpacked", "wheel"):
        (directory / name).mkdir()
    copy_project(directory / "copy", [*tracked_files(), *bundled_files()])
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


def test_sdist_holds_every_file(packages: Built) -> None:
    files = [*tracked_files(), *bundled_files()]
    expected = {str(path.relative_to(ROOT)) for path in files} - {".gitignore"}
    assert expected - packages.sdist == set()
    added = {name for name in packages.sdist - expected if ".egg-info/" not in name}
    assert added == {"PKG-INFO"}


def test_wheel_of_the_sdist_holds_every_file(packages: Built) -> None:
    assert packages.wheel == {
        str(Path(package, path.relative_to(folder)))
        for package, folder in SOURCES.items()
        for path in (*tracked_files(), *bundled_files())
        if path.is_relative_to(folder)
    }


def test_a_package_without_npm_and_bundle_is_refused(tmp_path: Path) -> None:
    copy_project(tmp_path, tracked_files())
    command = [sys.executable, "setup.py", "bundle"]
    process = subprocess.run(
        command, cwd=tmp_path, env={"PATH": ""}, timeout=60, capture_output=True, text=True
    )
    assert process.returncode == 1
    assert "needs Node 18 or newer with npm. Install it" in process.stderr


def test_the_bundle_is_of_these_sources(tmp_path: Path) -> None:
    """Without npm nothing is made: it is there already."""
    copy_project(tmp_path, [*tracked_files(), *bundled_files()])
    command = [sys.executable, "setup.py", "--quiet", "bundle"]
    subprocess.run(command, cwd=tmp_path, env={"PATH": ""}, timeout=60, check=True)
    source = tmp_path / "web" / "src" / "tus.js"
    source.write_text(source.read_text() + "// Another version.\n")
    process = subprocess.run(
        command, cwd=tmp_path, env={"PATH": ""}, timeout=60, capture_output=True
    )
    assert b"missing or old" in process.stderr


def test_the_bundle_has_all_licences_and_no_eval() -> None:
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text())
    licences = (BUNDLE / "LICENSES.txt").read_text()
    for name in lock["packages"][""]["dependencies"]:
        version = lock["packages"][f"node_modules/{name}"]["version"]
        assert f"{name} {version} (" in licences
    for path in BUNDLE.glob("*.js"):
        # Our policy would refuse both.
        assert not re.search(r"\beval\(|new Function\b", path.read_text()), path.name


def test_the_lock_file_names_no_host() -> None:
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text())
    assert [name for name, entry in lock["packages"].items() if "resolved" in entry] == []
    assert all("integrity" in entry for name, entry in lock["packages"].items() if name)


def test_metadata(packages: Built) -> None:
    value = packages.metadata.get_all("Classifier", [])
    assert len(value) > 5
    # An index refuses an upload with a classifier that it does not know.
    assert set(value) - classifiers == set()
    for name in ("Author", "Summary", "Requires-Python"):
        assert packages.metadata[name], name
    # Its name depends on the setuptools that has built it.
    assert "BSD-3-Clause" in (packages.metadata["License-Expression"], packages.metadata["License"])
    assert packages.metadata["Description-Content-Type"] == "text/markdown"


@pytest.fixture(scope="module")
def client_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of `rosetta-hub-client`."""
    directory = tmp_path_factory.mktemp("client")
    copy_project(directory / "copy", [path for path in tracked_files() if "client" in path.parts])
    (directory / "wheel").mkdir()
    return build("wheel", directory / "copy" / "client", directory / "wheel")


def test_the_clients_wheel_holds_every_file(client_wheel: Path) -> None:
    with zipfile.ZipFile(client_wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    source = ROOT / "client"
    files = [path for path in tracked_files() if path.is_relative_to(source / "rosetta_client")]
    assert names == {str(path.relative_to(source)) for path in files}


def test_the_client_installs_without_a_hub(client_wheel: Path, tmp_path: Path) -> None:
    """Into an empty environment, with a dozen distributions; a hub has more than sixty."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path)], check=True, timeout=110)
    python = str(tmp_path / "bin" / "python")
    pip = [python, "-m", "pip", "--no-input", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", str(client_wheel)], check=True, timeout=110)
    process = subprocess.run(
        [*pip, "list", "--format=json"], check=True, timeout=60, capture_output=True
    )
    installed = {load["name"].lower() for load in json.loads(process.stdout)} - {
        "pip",
        "setuptools",
    }
    assert "rosetta-hub-client" in installed
    assert "jupyterhub" not in installed
    assert len(installed) <= 12, installed
    command = [str(tmp_path / "bin" / "rosetta"), "--version"]
    view = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True)
    assert view.stdout.startswith("rosetta, version ")
