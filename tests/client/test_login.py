"""Logging in with a token, and what becomes of tokens that are not good."""

import json
import stat
from pathlib import Path

import pytest

from tests.rights.conftest import Site

from .conftest import Run

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_token_is_kept_for_its_owner_alone(
    rosetta: Run, site: Site, tmp_path: Path
) -> None:
    hub = f"http://127.0.0.1:{site.port}"
    nothing = {"ROSETTA_HUB": None, "ROSETTA_TOKEN": None}
    result = await rosetta("login", f"{hub}/hub/home", "--token", stdin="alice\n", **nothing)
    assert (result.code, result.out) == (0, f"Logged in to {hub}/ as alice.\n")
    path = tmp_path / ".config" / "rosetta" / "config.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == {
        "hub": f"{hub}/",
        "hubs": {f"{hub}/": {"token": "alice"}},
    }
    view = await rosetta("whoami", "--json", **nothing)
    assert json.loads(view.out)["name"] == "alice"
    assert (await rosetta("logout", **nothing)).code == 0
    assert "alice" not in path.read_text()
    again = await rosetta("whoami", **nothing)
    assert (again.code, again.err) == (
        4,
        "rosetta: Nobody is logged in. Use 'rosetta login https://hub.example.org', or set"
        " ROSETTA_HUB and ROSETTA_TOKEN.\n",
    )


async def test_a_bad_token_is_not_kept(rosetta: Run, site: Site, tmp_path: Path) -> None:
    result = await rosetta("login", f"http://127.0.0.1:{site.port}", "--token", stdin="made-up\n")
    assert result.code == 4
    assert not list(tmp_path.rglob("config.json"))


async def test_the_variables_token_gets_to_no_other_hub(rosetta: Run, site: Site) -> None:
    """ROSETTA_TOKEN alone names no hub, so it is not sent to that of the file."""
    hub = f"http://127.0.0.1:{site.port}"
    await rosetta("login", hub, "--token", stdin="bob\n")
    result = await rosetta("whoami", "--json", ROSETTA_HUB=None)
    assert json.loads(result.out)["name"] == "bob"
