"""A hub and a stub of the service, of the newest and of the oldest JupyterHub that is supported."""

import os
import secrets
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from rosetta_hub.keys import Keys

from .hub import ROOT, Hub, User
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
        "spawner_config": {"default_url": "/lab"},
    },
    {"id": "slow", "name": "Slow", "kind": "native", "spawner_class": "peculiar.SlowSpawner"},
    {"id": "broken", "name": "Broken", "kind": "native", "spawner_class": "peculiar.BrokenSpawner"},
    {
        "id": "private",
        "name": "Of the staff",
        "kind": "native",
        "spawner_class": "simple",
        "groups": ["staff"],
    },
]


def find_python(which: str) -> str:
    """The interpreter of the oldest hub is made by scripts/test."""
    if which == "newest":
        return sys.executable
    path = os.environ.get("ROSETTA_TEST_OLDEST_PYTHON", str(ROOT / ".venv-oldest/bin/python"))
    assert Path(path).exists(), (
        f"There is no {path}: scripts/test makes the environment of the oldest supported"
        " JupyterHub and names its Python in ROSETTA_TEST_OLDEST_PYTHON."
    )
    return path


@pytest_asyncio.fixture(params=["newest", "oldest"], scope="module", loop_scope="module")
async def hub(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Hub]:
    """A running hub; the tests of a module share it, each with a user of its own."""
    result = Hub(tmp_path_factory.mktemp("hub"), find_python(request.param), CATALOGUE)
    await result.start()
    yield result
    await result.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_service(hub: Hub) -> AsyncIterator[StubService]:
    """The service of that hub."""
    stub = StubService(Keys(hub.directory / "state").spawner_key, hub.service_port)
    yield stub
    await stub.down()


@pytest_asyncio.fixture(loop_scope="module")
async def service(running_service: StubService) -> AsyncIterator[StubService]:
    """The service, running and without a past."""
    await running_service.reset()
    yield running_service


@pytest_asyncio.fixture(loop_scope="module")
async def alice(hub: Hub) -> AsyncIterator[User]:
    """A new user of the hub, logged in."""
    user = User(hub, f"alice-{secrets.token_hex(3)}")
    await user.log_in()
    yield user
    await user.client.aclose()
