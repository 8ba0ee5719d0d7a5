"""What the hub's spawner adds to a task: stored encrypted, given to the agent, forgotten."""

import re
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from rosetta_hub.agents.spec import LaunchContext, build_agent_spec
from rosetta_hub.catalogue.catalogue import load_catalogue
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import Task
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.keys import Keys
from rosetta_hub.tasks.report import Report
from rosetta_hub.tasks.spawner_settings import SpawnerSettings
from tests.support.starting import start_task

from .conftest import ALICE, COMPUTING, SOFTWARE, Bench

SECRET = "token-of-the-login"


def start(bench: Bench, options: dict[str, Any] | None = None, **settings: Any) -> Task:
    spawner = SpawnerSettings.model_validate(settings)
    return start_task(bench.tasks, "one", {"software": "echo"} | (options or {}), ALICE, spawner)


def environment(bench: Bench, task: Task, keys: Keys | None = None) -> dict[str, str]:
    """The variables that the agent is told."""
    computing = load_catalogue(SOFTWARE, COMPUTING).computing["local"]
    setting = LaunchContext(work_dir="/tmp/x", agents_url="http://127.0.0.1:1")
    task = bench.tasks.find(task.id)
    job = build_agent_spec(task, computing, Rosetta(), keys or bench.keys, setting)
    result: dict[str, str] = job["environment"]
    return result


def test_variables_reach_the_agent(bench: Bench) -> None:
    task = start(bench, environment={"TOKEN": SECRET, "LINES": "a\nb"})
    assert environment(bench, task) == {"TOKEN": SECRET, "LINES": "a\nb"}
    # An agent that is started again is told the same.
    assert environment(bench, task)["TOKEN"] == SECRET


def test_entry_and_credentials_go_first(bench: Bench) -> None:
    entry = SOFTWARE[0] | {"environment": {"MODE": "entry"}, "interface_auth": "jupyter"}
    bench.tasks.catalogue = load_catalogue([entry], COMPUTING)
    task = start(bench, environment={"MODE": "hook", "JUPYTER_TOKEN": "hook", "OTHER": "hook"})
    result = environment(bench, task)
    assert (result["MODE"], result["OTHER"]) == ("entry", "hook")
    assert result["JUPYTER_TOKEN"] == bench.keys.interface_password(task.id, 1)


def test_variables_are_secret_at_rest_and_forgotten(bench: Bench) -> None:
    task = start(bench, environment={"TOKEN": SECRET})
    with bench.tasks.database.session() as session:
        rows = repr(session.execute(text("SELECT * FROM tasks")).all())
    assert SECRET not in rows + repr(task)
    bench.tasks.report(task, Report.model_validate({"sequence": 1, "state": "stopped"}))
    assert bench.tasks.find(task.id).environment is None
    start(bench, environment={"TOKEN": "next"})
    bench.tasks.fail(bench.tasks.find(task.id), "exited")
    assert bench.tasks.find(task.id).environment is None
    assert environment(bench, start(bench)) == {}


def test_variables_of_another_secret(bench: Bench, tmp_path_factory: Any) -> None:
    task = start(bench, environment={"TOKEN": SECRET})
    with pytest.raises(ResourceUnavailable, match="encrypted with another secret"):
        environment(bench, task, Keys(tmp_path_factory.mktemp("other")))


@pytest.mark.parametrize(
    ("options", "settings", "cpus", "memory"),
    [
        ({}, {}, None, None),
        ({}, {"cpus": 1.5, "memory": 1 << 30}, 1.5, 1 << 30),
        ({"cpus": 4, "memory": "2G"}, {"cpus": 1.5, "memory": 1 << 30}, 1.5, 1 << 30),
        ({"cpus": 1, "memory": "512M"}, {"cpus": 1.5, "memory": 1 << 30}, 1, 512 << 20),
    ],
)
def test_limits_are_lowered(
    bench: Bench,
    options: dict[str, Any],
    settings: dict[str, Any],
    cpus: float | None,
    memory: int | None,
) -> None:
    task = start(bench, options, **settings)
    assert (task.cpus, task.memory) == (cpus, memory)


@pytest.mark.parametrize(
    "settings",
    [
        {"environment": {"A=B": "x"}},
        {"environment": {"": "x"}},
        {"environment": {"A": "x\0"}},
        {"cpus": 0},
        {"memory": -1},
        {"memory": 1 << 70},
    ],
)
def test_settings_that_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SpawnerSettings.model_validate(settings)


def test_variables_are_not_shown() -> None:
    settings = SpawnerSettings(environment={"TOKEN": SECRET})
    assert not re.search(SECRET, repr(settings))
