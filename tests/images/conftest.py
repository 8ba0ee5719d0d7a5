"""The images are built once; each test gets containers that are removed after it."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from typing import Protocol

import pytest

from tests.images.containers import (
    HARDENING,
    PORTS,
    ROOT,
    Container,
    engine_flags,
    published_port,
    run,
    version,
)

BUILD_TIMEOUT = 1800.0


class Start(Protocol):
    """Starts a base container, hardened as a task is."""

    def __call__(
        self,
        image: str,
        *flags: str,
        engine: str = "docker",
        environment: dict[str, str] | None = None,
    ) -> Container: ...


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first of these tests may have to wait for the build."""
    for item in items:
        if "tests/images" in item.path.as_posix():
            item.add_marker(pytest.mark.timeout(BUILD_TIMEOUT))


@pytest.fixture(scope="session")
def images() -> str:
    """Builds the base containers with docker; the value is what the build said."""
    return run(str(ROOT / "docker" / "build"), timeout=BUILD_TIMEOUT)


@pytest.fixture
def start(images: str) -> Iterator[Start]:
    started: list[Container] = []

    def start_container(
        image: str,
        *flags: str,
        engine: str = "docker",
        environment: dict[str, str] | None = None,
    ) -> Container:
        name = f"rosetta-test-{uuid.uuid4().hex[:12]}"
        variables = environment or {}
        port = int(variables.get("BASE_PORT", PORTS[image]))
        options = [f"--env={key}={value}" for key, value in variables.items()]
        started.append(Container(engine, name, 0))
        reference = f"rosetta/{image}:{version()}"
        run(engine, "run", "--detach", f"--name={name}", f"--publish=127.0.0.1::{port}",
            *HARDENING, *engine_flags(engine), *options, *flags, reference)  # fmt: skip
        return Container(engine, name, published_port(engine, name))

    yield start_container
    for container in started:
        subprocess.run(
            [container.engine, "rm", "--force", container.name],
            capture_output=True,
            timeout=60,
            check=False,
        )


@pytest.fixture(scope="session")
def podman_images(images: str) -> None:
    """Gives podman the images that its tests use, as they are in docker."""
    for image in ("guiapplication", "sshserver"):
        reference = f"rosetta/{image}:{version()}"
        result = run("docker", "image", "inspect", "--format={{.Id}}", reference)
        have = subprocess.run(
            ["podman", "image", "inspect", "--format={{.Id}}", reference],
            capture_output=True,
            text=True,
            timeout=60,
        )
        if have.stdout.strip() == result.removeprefix("sha256:"):
            continue
        with subprocess.Popen(["docker", "save", reference], stdout=subprocess.PIPE) as save:
            subprocess.run(
                ["podman", "load"], stdin=save.stdout, capture_output=True, timeout=600, check=True
            )
