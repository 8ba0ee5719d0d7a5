"""A configuration that needs what only the hub's environment has."""

import sys
from pathlib import Path

import httpx
import pytest

from tests.spawners.hub import until

from .deployment import INSTALLED, PLAIN, ExistingHub

SECRET = "s3cret-of-the-site"

# It leaves a line for each time that it runs.
NEEDS_SECRET = """
with Path(__file__).with_name("runs").open("a") as file:
    file.write(f"{os.environ['TEST_OAUTH_SECRET']}\\n")
"""


def processes_with(variable: str) -> list[str]:
    """The command lines of all processes with that variable in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if variable.encode() in (path / "environ").read_bytes():
                found.append((path / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


async def test_configuration_runs_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_OAUTH_SECRET", SECRET)
    hub = ExistingHub(tmp_path, sys.executable, NEEDS_SECRET)
    managed = INSTALLED.replace(", manage_service=False", "")
    hub.configure(PLAIN + NEEDS_SECRET + "c.Rosetta.manage_edge = False\n" + managed)
    await hub.start()
    try:

        async def healthy() -> bool:
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"{hub.url}/services/rosetta/health")
            return answer.headers["content-type"].startswith("application/json")

        await until(healthy, "the service answers")
        assert (tmp_path / "runs").read_text().split() == [SECRET]
        assert (tmp_path / "state" / "settings.json").stat().st_mode & 0o777 == 0o600
        with_secret = processes_with(SECRET)
        assert any("jupyterhub" in line for line in with_secret)
        assert not any("rosetta_hub service" in line for line in with_secret)
    finally:
        await hub.close()
