"""Commands about software, computing resources and shares, and opening tasks."""

import json
import sys
from pathlib import Path

import pytest

from rosetta_client.cli.share import parse_time
from tests.rights.conftest import Site

from .conftest import Run

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_software(rosetta: Run) -> None:
    listed = json.loads((await rosetta("software", "ls", "--json", "--fields", "id,name")).out)
    assert {"id": "echo", "name": "Echo"} in listed
    result = await rosetta("software", "show", "echo")
    assert ("Versions     1" in result.out, "Interface    ssh" in result.out) == (True, True)
    missing = await rosetta("software", "show", "chess")
    assert missing.code == 3


async def test_software_whose_image_can_not_be_looked_up(rosetta: Run) -> None:
    result = await rosetta("software", "add", "127.0.0.1:1/app:1")
    assert result.code == 1
    assert "Only the administrator can allow connections to it" in result.err


async def test_computing(rosetta: Run) -> None:
    table = await rosetta("computing", "ls")
    assert [line.split()[0] for line in table.out.splitlines()] == ["ID", "local", "cluster"]
    document = json.loads((await rosetta("computing", "show", "cluster", "--json")).out)
    assert document["id"] == "cluster"
    missing = await rosetta("computing", "show", "moon")
    assert (missing.code, "there are: local, cluster" in missing.err) == (3, True)


async def test_opening(rosetta: Run, site: Site, tmp_path: Path) -> None:
    """The task is for SSH; another one, which waits, can't be opened either."""
    refused = await rosetta("open", site.ids["tasks"])
    assert (refused.code, f"Use 'rosetta ssh {site.ids['tasks']}'" in refused.err) == (1, True)
    assert (await rosetta("start", "echo", "--on", "local", "--name", "late")).code == 0
    waiting = await rosetta("open", "late", BROWSER=f"{sys.executable} -c pass")
    assert (waiting.code, "Nobody can go into the task now" in waiting.err) == (1, True)
    missing = await rosetta("open", site.ids["tasks"], "--interface", "x")
    assert missing.code == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("share", "Echo", "--until", "yesterday"),
        ("share", "Echo", "--uses", "many"),
        ("files", "cp", "a:x", "b:y", "c:"),
        ("start",),
        ("nothing",),
        ("ls", "--colour"),
    ],
)
async def test_wrong_usage(rosetta: Run, arguments: tuple[str, ...]) -> None:
    result = await rosetta(*arguments)
    assert (result.code, result.out) == (2, ""), result.err
    assert "Usage: rosetta" in result.err


@pytest.mark.parametrize(
    ("text", "expected"), [("90m", "1:30:00"), ("3h", "3:00:00"), ("2w", "14 days, 0:00:00")]
)
async def test_durations(text: str, expected: str) -> None:
    assert str(parse_time(text)) == expected


async def test_times_have_a_zone() -> None:
    assert str(parse_time("2030-01-31T18:00Z").tzinfo) != "None"  # type: ignore[union-attr]
    assert parse_time("2030-01-31T18:00").tzinfo is not None  # type: ignore[union-attr]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_completion(rosetta: Run, shell: str) -> None:
    script = await rosetta("completion", shell)
    assert script.code == 0
    assert "_ROSETTA_COMPLETE" in script.out
    words = {
        "COMP_WORDS": "rosetta so",
        "COMP_CWORD": "1",
        "_ROSETTA_COMPLETE": f"{shell}_complete",
    }
    if shell == "fish":
        words["COMP_CWORD"] = "so"
    completed = await rosetta(**words)
    assert "software" in completed.out
