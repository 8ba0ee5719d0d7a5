"""docker/build itself."""

from __future__ import annotations

import subprocess

from tests.images.containers import PORTS, ROOT, run, version

BUILD = str(ROOT / "docker" / "build")


def test_what_is_up_to_date_is_left_alone(images: str) -> None:
    again = run(BUILD)
    assert "building" not in again
    for image in PORTS:
        assert f"rosetta/{image}:{version()}: up to date" in again


def test_an_unknown_image_is_named(images: str) -> None:
    process = subprocess.run([BUILD, "nosuch"], capture_output=True, text=True, timeout=60)
    assert process.returncode == 1
    assert "no image is called 'nosuch'" in process.stderr
    assert "jupyternotebook" in process.stderr
