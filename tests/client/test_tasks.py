"""`rosetta ls`, `start`, `stop` and `rm` against the whole service."""

import io
import json
import sys

import pytest

from rosetta_client.cli.start import Narrator
from rosetta_client.decode import decode
from rosetta_client.models import TaskView
from tests.rights.conftest import Site

from .conftest import Run

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_ls_shows_a_table(rosetta: Run, site: Site) -> None:
    result = await rosetta("ls")
    assert (result.code, result.err) == (0, "")
    title, row = result.out.splitlines()
    assert title.split() == ["ID", "NAME", "SOFTWARE", "COMPUTING", "STATE", "AGE", "MESSAGE"]
    assert row.split()[:5] == [site.ids["tasks"], "Echo", "echo:1", "local", "running"]


async def test_ls_as_json_and_chosen_fields(rosetta: Run, site: Site) -> None:
    (task,) = json.loads((await rosetta("ls", "--json")).out)
    assert task["id"] == site.ids["tasks"]
    assert task["ended"] is None
    result = await rosetta("ls", "--json", "--fields", "id,software.id,ended")
    assert json.loads(result.out) == [{"id": task["id"], "software.id": "echo", "ended": None}]
    table = await rosetta("ls", "--fields", "state,id")
    assert table.out.split() == ["STATE", "ID", "running", task["id"]]


async def test_a_field_that_is_not_there(rosetta: Run) -> None:
    result = await rosetta("ls", "--fields", "colour")
    assert result.code == 2
    assert "no field 'colour'; there are: id, " in result.err


async def test_nothing_to_list_is_an_empty_array(rosetta: Run) -> None:
    result = await rosetta("ls", "--json", ROSETTA_TOKEN="bob")
    assert json.loads(result.out) == []


async def test_start_and_stop_by_name(rosetta: Run, site: Site) -> None:
    started = await rosetta("start", "echo:1", "--on", "local", "--name", "try", "--json")
    assert started.code == 0, started.err
    task = json.loads(started.out)
    assert (task["name"], task["state"]) == ("try", "queued")
    assert (await rosetta("stop", "try")).code == 0
    assert site.parts.tasks.find(task["id"]).desired_state == "stop"


async def test_rm(rosetta: Run, site: Site) -> None:
    started = await rosetta("start", "echo", "--on", "local", "--fields", "id", "--json")
    task = json.loads(started.out)["id"]
    assert (await rosetta("rm", task[:8])).code == 0
    assert site.parts.tasks.find(task).forget


async def test_a_task_that_is_not_there(rosetta: Run) -> None:
    result = await rosetta("stop", "0" * 12)
    assert (result.code, result.err) == (
        3,
        "rosetta: There is no such task. It may have been deleted.\n",
    )


async def test_names_that_mean_nothing_or_several(rosetta: Run) -> None:
    none = await rosetta("stop", "nothing")
    assert (none.code, none.err) == (
        3,
        "rosetta: You have no task 'nothing'. 'rosetta ls' lists them.\n",
    )
    for _ in range(2):
        assert (await rosetta("start", "echo", "--on", "local", "--name", "twin")).code == 0
    several = await rosetta("stop", "twin")
    assert several.code == 1
    assert "There are 2 tasks 'twin'. Name one by its id" in several.err


async def test_what_the_hub_refuses(rosetta: Run) -> None:
    result = await rosetta("start", "chess")
    assert result.code == 1
    assert result.err == (
        "rosetta: There is no software 'chess' for you. Choose one of the catalogue.\n"
    )


async def test_waiting_ends_in_time(rosetta: Run) -> None:
    started = ("start", "echo", "--on", "local", "--wait")
    result = await rosetta(*started, "--timeout", "0")
    assert result.code == 6
    assert "still waits" in result.err


class Terminal(io.StringIO):
    """A stderr on which bars are shown."""

    def isatty(self) -> bool:
        return True


async def test_a_bar_shows_how_much_of_the_image_is_there(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = (await site.fetch("GET", f"api/v1/tasks/{site.ids['tasks']}", "alice")).json()
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Narrator() as narrator:
        narrator.tell(decode(TaskView, view | {"progress": {"done": 1, "total": 4}}))
    assert "25%" in terminal.getvalue()
