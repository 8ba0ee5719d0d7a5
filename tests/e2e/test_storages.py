"""Tasks with storages: files that stay, each user's own, under images of different users."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from .conftest import ECHO, python_software
from .deployment import Deployment, User

# Adds a line with its user's number to a file in the home directory, and serves all of it.
WRITER = """
import os, pathlib
note = pathlib.Path(os.environ["HOME"], "note")
note.write_text((note.read_text() if note.exists() else "") + f"{os.getuid()}\\n")
os.environ["NOTE"] = note.read_text().replace("\\n", ";")
os.environ["SHARED"] = ";".join(sorted(os.listdir("/shared")))
os.environ["OWN"] = ";".join(sorted(os.listdir("/own"))) if os.path.exists("/own") else ""
"""
SOFTWARE = [
    python_software("writer", WRITER + ECHO, any_user=True),
    python_software("fixed", WRITER + ECHO, container_user="4711:4711"),
    python_software("root", WRITER + ECHO, container_user="0:0", home_path="/root"),
]
COMPUTING: list[dict[str, Any]] = [
    {"id": "local", "name": "This machine", "container_engines": ["docker"]}
]


def storages(base: Path) -> list[dict[str, Any]]:
    return [
        {
            "name": "Home",
            "computing": "local",
            "base_path": f"{base}/homes/$USER",
            "bind_path": "/home/metauser",
            "home": True,
            "create": True,
        },
        {
            "name": "Shared",
            "computing": "local",
            "base_path": f"{base}/shared",
            "bind_path": "/shared",
            "read_only": True,
        },
    ]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directories of the storages."""
    base = tmp_path_factory.mktemp("storages")
    base.chmod(0o755)
    for name in ("homes", "shared", "data/m31"):
        (base / name).mkdir(parents=True)
    (base / "shared/atlas").touch()
    (base / "data/m31/cube").touch()
    (base / "data/out").symlink_to("/etc")
    return base


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def deployment(
    tmp_path_factory: pytest.TempPathFactory, base: Path
) -> AsyncIterator[Deployment]:
    """A hub whose users have a home, reference data, and parts of a directory."""
    directory = tmp_path_factory.mktemp("hub")
    computing = [COMPUTING[0] | {"extra_binds": [f"{base}/data/*"]}]
    extra = f"c.Rosetta.storages = {storages(base)!r}"
    result = Deployment(directory, SOFTWARE, computing, extra=extra)
    try:
        await result.start()
        yield result
    finally:
        await result.stop()
    shutil.rmtree(directory)


async def run(user: User, **options: Any) -> dict[str, str]:
    """Run a task to the end; returns the variables that it has set."""
    task = await user.start(computing="local", **options)
    ended = await user.until(task["id"], "running", "failed")
    assert ended["state"] == "running", ended["message"]
    opened = await user.enter(ended)
    lines = (await opened.get()).body.decode().splitlines()
    await user.api("POST", f"tasks/{task['id']}/stop")
    await user.until(task["id"], "stopped")
    return dict(line.split("=", 1) for line in lines if "=" in line)


async def test_files_stay_under_images_of_different_users(
    alice: User, bob: User, base: Path
) -> None:
    for home in (base / "homes").iterdir():
        shutil.rmtree(home)
    first = await run(alice, software="writer")
    assert first["HOME"] == "/home/metauser"
    assert first["SHARED"] == "atlas"
    second = await run(alice, software="fixed")
    assert second["NOTE"] == first["NOTE"] + "4711;"
    third = await run(alice, software="root")
    assert (third["HOME"], third["NOTE"]) == ("/root", second["NOTE"] + "0;")
    home = base / "homes/alice"
    assert (home / "note").read_text().replace("\n", ";") == third["NOTE"]
    # All of it is one account's, here the service's.
    assert {path.stat().st_uid for path in (home, home / "note")} == {0}
    assert home.stat().st_mode & 0o777 == 0o700
    # Somebody else has a home of their own.
    assert (await run(bob, software="fixed"))["NOTE"] == "4711;"
    assert sorted(path.name for path in (base / "homes").iterdir()) == ["alice", "bob"]


async def test_a_home_that_is_left_out_is_not_touched(alice: User, base: Path) -> None:
    await run(alice, software="writer")
    before = (base / "homes/alice/note").read_text()
    result = await run(alice, software="writer", without_storages=["home"])
    assert result["NOTE"].count(";") == 1
    assert (base / "homes/alice/note").read_text() == before


async def test_directories_that_a_user_adds(alice: User, base: Path) -> None:
    result = await run(alice, software="writer", binds=[f"{base}/data/m31:/own"])
    assert result["OWN"] == "cube"
    task = await alice.start(software="writer", computing="local", binds=[f"{base}/data/out:/own"])
    failed = await alice.until(task["id"], "running", "failed")
    assert (failed["state"], "may not be bound" in failed["message"]) == ("failed", True), failed
    refused = await alice.api(
        "POST", "tasks", {"software": "writer", "computing": "local", "binds": ["/etc:/own"]}
    )
    assert refused.code == 422
    assert b"it is not in" in refused.body
