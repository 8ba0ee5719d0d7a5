"""Bundles what the pages use of third parties before a package is made. The rest is in setup.cfg.

`python setup.py bundle` alone brings the bundle of a checkout up to date, as `scripts/install`
does. It needs npm, which fetches the packages that `web/package-lock.json` names. An sdist and a
wheel hold the bundle, so whoever installs one needs neither npm nor a network for it.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from setuptools import Command, setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist
from setuptools.errors import ExecError

ROOT = Path(__file__).parent
WEB = ROOT / "web"
BUNDLE = ROOT / "rosetta_hub" / "web" / "static" / "bundled"
STAMP = BUNDLE / "sources.sha256"


def digest_sources() -> str:
    """What the bundle is made of, as one hash."""
    digest = hashlib.sha256()
    for path in (*sorted(WEB.glob("*.json")), WEB / "build.mjs", *sorted((WEB / "src").iterdir())):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(WEB).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def make_bundle() -> None:
    """Make the bundle where it is missing or of other sources.

    Raises:
        ExecError: npm is absent, or fails.
    """
    digest = digest_sources()
    if STAMP.exists() and STAMP.read_text() == digest:
        return
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        raise ExecError(
            f"The pages' third-party scripts in {BUNDLE.relative_to(ROOT)} are missing or old, and"
            " making them needs Node 18 or newer with npm. Install it, or install Rosetta Hub from"
            " its sdist or wheel, which hold them."
        )
    _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"])
    _run([node, "build.mjs", os.fspath(BUNDLE)])
    STAMP.write_text(digest)


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, cwd=WEB, check=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        raise ExecError(f"The pages' third-party scripts can't be bundled: {error}") from error


class Bundle(Command):
    """Bundle what the pages use of third parties."""

    description = "bundle what the pages use of third parties"
    user_options: list[tuple[str, str | None, str]] = []

    def initialize_options(self) -> None:
        """There are no options."""

    def finalize_options(self) -> None:
        """There are no options."""

    def run(self) -> None:
        """Make the bundle."""
        make_bundle()


class SdistWithBundle(sdist):
    """The sdist, with the bundle in it."""

    def run(self) -> None:
        """Make the bundle, then the sdist."""
        make_bundle()
        super().run()


class BuildWithBundle(build_py):
    """The modules and their data, with the bundle among it."""

    def run(self) -> None:
        """Make the bundle, then the build; an editable installation uses the checkout's."""
        if not self.editable_mode:
            make_bundle()
        super().run()


setup(cmdclass={"bundle": Bundle, "sdist": SdistWithBundle, "build_py": BuildWithBundle})
