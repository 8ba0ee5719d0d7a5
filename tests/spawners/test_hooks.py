"""What hooks and configuration of the hub's spawner give to a container."""

import logging
from pathlib import Path
from typing import Any

import pytest

from rosetta_spawners import RosettaSpawner, TaskSpawner
from rosetta_spawners.errors import StartRefused
from rosetta_spawners.hooks import ENVIRONMENT_LIMIT

from .fakes import rosetta_config, spawner_arguments

OPTIONS = {"software": "web"}


def make(tmp_path: Path, mode: str = "configured", **sections: Any) -> TaskSpawner:
    config = rosetta_config(str(tmp_path), **sections)
    for entry in config.Rosetta.software:
        if entry["id"] == "web":
            entry["spawner_environment"] = mode
    return TaskSpawner(**spawner_arguments(config, user_options=OPTIONS))


def settings_of(spawner: TaskSpawner) -> dict[str, Any]:
    """What the service is asked for."""
    result: dict[str, Any] = spawner._request()["spawner"]
    return result


def test_environment_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITE_LICENSE", "l1")
    site = {
        "environment": {"SITE": "a", "USER_NAME": lambda spawner: spawner.user.name, "PORT": 1},
        "env_keep": ["SITE_LICENSE", "NO_SUCH_VARIABLE"],
    }
    spawner = make(tmp_path, Spawner=site)
    spawner.api_token = "token-of-the-hub"
    spawner.environment["HOOK"] = "yes"
    assert settings_of(spawner) == {
        "environment": {
            "SITE": "a",
            "USER_NAME": "alice",
            "PORT": "1",
            "SITE_LICENSE": "l1",
            "HOOK": "yes",
        },
        "cpus": None,
        "memory": None,
    }


def test_nothing_of_the_hubs_own_environment_by_default(tmp_path: Path) -> None:
    assert settings_of(make(tmp_path))["environment"] == {}


@pytest.mark.parametrize("mode", ["configured", "none"])
def test_tokens_of_the_hub_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    caplog.set_level(logging.WARNING, "traitlets")
    spawner = make(tmp_path, mode)
    spawner.api_token = "token-of-the-hub"
    # As a hook may do that copies what other spawners get.
    spawner.environment = spawner.get_env() | {"SITE": "a", "A=B": "x", "NUL": "\0", "N": None}
    environment = settings_of(spawner)["environment"]
    assert environment == ({"SITE": "a"} if mode == "configured" else {})
    assert "token-of-the-hub" not in caplog.text
    if mode == "configured":
        assert "Variables that the container of alice:one is not given: A=B, JPY_" in caplog.text


def test_tokens_that_an_entry_asks_for(tmp_path: Path) -> None:
    spawner = make(tmp_path, "all", Spawner={"environment": {"SITE": "a"}})
    spawner.api_token = "token-of-the-hub"
    environment = settings_of(spawner)["environment"]
    assert environment["JUPYTERHUB_API_TOKEN"] == "token-of-the-hub"
    assert (environment["JUPYTERHUB_USER"], environment["SITE"]) == ("alice", "a")


def test_limits_are_given(tmp_path: Path) -> None:
    spawner = make(tmp_path, Spawner={"mem_limit": "1G"})
    spawner.cpu_limit = 1.5
    result = settings_of(spawner)
    assert (result["cpus"], result["memory"]) == (1.5, 1 << 30)


def test_too_large_environment(tmp_path: Path) -> None:
    spawner = make(tmp_path)
    spawner.environment["LARGE"] = "x" * ENVIRONMENT_LIMIT
    with pytest.raises(StartRefused, match="more variables than a task can be given"):
        settings_of(spawner)


async def test_start_that_cannot_be_asked_for_leaves_nothing(tmp_path: Path) -> None:
    spawner = make(tmp_path)
    spawner.environment["BROKEN"] = lambda spawner: {"a": "b"}["no such key"]
    with pytest.raises(KeyError):
        await spawner.start()
    assert await spawner.poll() == 1


def test_what_has_no_effect_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "traitlets")
    spawner = make(tmp_path, Spawner={"cmd": ["jupyterhub-singleuser"], "mem_guarantee": "1G"})
    settings_of(spawner)
    assert not caplog.records
    spawner.args = ["--debug"]
    spawner.volumes = {"/data": "/data"}
    settings_of(spawner)
    assert "Hooks have set args, volumes for alice:one, which has no effect" in caplog.text


def test_authenticators_set_it_through_the_wrapper(tmp_path: Path) -> None:
    config = rosetta_config(str(tmp_path))
    spawner = RosettaSpawner(**spawner_arguments(config, user_options=OPTIONS))
    child = spawner.construct_child()
    spawner.environment["LOGIN"] = "yes"
    spawner.mem_limit = "1G"
    spawner.volumes = {"/data": "/data"}
    assert settings_of(child) == {"environment": {"LOGIN": "yes"}, "cpus": None, "memory": 1 << 30}
    assert child.volumes == {"/data": "/data"}
    spawner.clear_state()
    assert (spawner.environment, spawner.mem_limit) == ({}, None)
    assert not hasattr(spawner, "volumes")
