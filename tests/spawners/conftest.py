"""A hub and a stub of the service, of the newest and of the oldest JupyterHub that is supported."""

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rosetta_hub.keys import Keys

from .hub import ROOT, Hub, Person
from .stub import StubService

WEB = {"id": "web", "name": "Web", "image_name": "example/web", "image_tag": "2", "default": True}
CATALOGUE: list[dict[str, Any]] = [
    WEB,
    WEB | {"image_tag": "1", "default": False},
    {"id": "staff", "name": "For staff", "image_name": "example/staff", "groups": ["staff"]},
    {
        "id": "classic",
        "name": "Classic server",
        "kind": "native",
        "spawner_class": "simple",
        "spawner_config": {"environment": {"TEST_FROM_ENTRY": "yes"}, "default_url": "/lab"},
    },
]


def _python(which: str) -> str:
    """The interpreter of the oldest hub is made by scripts/test."""
    if which == "newest":
        return sys.executable
    path = os.environ.get("ROSETTA_TEST_OLDEST_PYTHON", str(ROOT / ".venv-oldest/bin/python"))
    assert Path(path).exists(), (
        f"There is no {path}: scripts/test makes the environment of the oldest supported"
        " JupyterHub and names its Python in ROSETTA_TEST_OLDEST_PYTHON."
    )
    return path


@pytest.fixture(params=["newest", "oldest"])
async def hub(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Hub]:
    """A hub that is not started yet."""
    made = Hub(tmp_path, _python(request.param), CATALOGUE)
    yield made
    await made.close()


@pytest.fixture
async def service(hub: Hub, tmp_path: Path) -> AsyncIterator[StubService]:
    """The service of that hub, running."""
    stub = StubService(Keys(tmp_path / "state").spawner_key, hub.service_port)
    stub.up()
    yield stub
    await stub.down()


@pytest.fixture
async def alice(hub: Hub, service: StubService) -> AsyncIterator[Person]:
    """A user of the hub, which is running now."""
    await hub.start()
    person = Person(hub, "alice")
    await person.log_in()
    yield person
    await person.client.aclose()
