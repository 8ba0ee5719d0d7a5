"""The service that the hub starts: what it is handed over, and what happens before it runs."""

import fcntl
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.spawners.hub import ROOT, User, http_client, until

from .deployment import INSTALLED, PLAIN, ExistingHub

OLDEST = os.environ.get("ROSETTA_TEST_OLDEST_PYTHON", str(ROOT / ".venv-oldest/bin/python"))
MANAGED = INSTALLED.replace(", manage_service=False", "")

SECRET = "s3cret-of-the-site"

# It leaves a line for each time that it runs.
NEEDS_SECRET = """
with Path(__file__).with_name("runs").open("a") as file:
    file.write(f"{os.environ['TEST_OAUTH_SECRET']}\\n")
"""


def processes_with(variable: str) -> list[str]:
    """The command lines of all processes with that variable in their environment."""
    values = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if variable.encode() in (path / "environ").read_bytes():
                values.append((path / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return values


async def service_answers(hub: ExistingHub) -> None:
    async def healthy() -> bool:
        async with http_client() as client:
            answer = await client.get(f"{hub.url}/services/rosetta/health")
        content_type: str = answer.headers.get("content-type", "")
        return content_type.startswith("application/json")

    await until(healthy, "the service answers")


async def test_configuration_runs_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_OAUTH_SECRET", SECRET)
    hub = ExistingHub(tmp_path, sys.executable, NEEDS_SECRET)
    hub.configure(PLAIN + NEEDS_SECRET + "c.Rosetta.manage_edge = False\n" + MANAGED)
    await hub.start()
    try:
        await service_answers(hub)
        assert (tmp_path / "runs").read_text().split() == [SECRET]
        assert (tmp_path / "state" / "settings.json").stat().st_mode & 0o777 == 0o600
        with_secret = processes_with(SECRET)
        assert any("jupyterhub" in line for line in with_secret)
        assert not any("rosetta_hub service" in line for line in with_secret)
    finally:
        await hub.close()


@pytest.mark.parametrize("python", [sys.executable, OLDEST], ids=["newest", "oldest"])
async def test_hub_runs_before_its_service_does(tmp_path: Path, python: str) -> None:
    """Whoever has a server of the hub's own notices nothing of a service that can't start yet."""
    hub = ExistingHub(tmp_path, python, "")
    hub.configure(PLAIN + "c.Rosetta.manage_edge = False\n" + MANAGED)
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    try:
        with (state / "service.lock").open("a") as lock:
            # As a former service does that has not ended yet: the new one waits, and gives up.
            fcntl.flock(lock, fcntl.LOCK_EX)
            await hub.start()
            await until(gave_up(hub), "the service has given up")
            assert (await hub.api("GET", "/info")).status_code == 200
        await service_answers(hub)
        alice = User(hub, "alice")
        await alice.log_in()
        page = await alice.client.get("/services/rosetta/", follow_redirects=True)
        await alice.client.aclose()
        assert (page.status_code, page.url.path) == (200, "/services/rosetta/")
    finally:
        await hub.close()


def gave_up(hub: ExistingHub) -> Callable[[], Awaitable[bool]]:
    async def has_given_up() -> bool:
        return "Another Rosetta service works on" in hub.log

    return has_given_up
