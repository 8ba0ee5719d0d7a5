"""The settings that the hub hands over to the service in a file."""

import json
from pathlib import Path
from typing import Any

import pytest
from jupyterhub.spawner import SimpleLocalProcessSpawner

from rosetta_hub.cli import load_settings, main
from rosetta_hub.config import Rosetta
from rosetta_hub.errors import ConfigError
from rosetta_hub.hub.settings_file import read_settings, settings_path, write_settings

from .fakes import rosetta_config


def written(tmp_path: Path, **options: Any) -> Rosetta:
    config = rosetta_config(str(tmp_path / "state"))
    config.Rosetta.update(options)
    settings = Rosetta(config=config)
    write_settings(settings)
    return settings


def test_settings_come_back_as_they_were(tmp_path: Path) -> None:
    settings = written(tmp_path, stop_timeout=7, previous_spawner=SimpleLocalProcessSpawner)
    path = settings_path(settings)
    assert path.stat().st_mode & 0o777 == 0o600
    again = read_settings(path)
    assert (again.stop_timeout, again.service_url) == (7, settings.service_url)
    assert again.db_url == settings.db_url
    assert again.catalogue().computing == settings.catalogue().computing
    assert again.catalogue().software.keys() == settings.catalogue().software.keys()
    assert again.catalogue().software["web"] == settings.catalogue().software["web"]
    # Written again by the next start of the hub.
    write_settings(settings)
    assert [item.name for item in path.parent.iterdir()] == ["settings.json"]


def test_what_only_the_hub_needs_is_left_out(tmp_path: Path) -> None:
    entry = {
        "id": "local",
        "name": "Local",
        "kind": "native",
        "spawner_class": SimpleLocalProcessSpawner,
        "spawner_config": {"pre_spawn_hook": lambda spawner: None, "environment": {"KEY": "s3cr"}},
        "groups": {"staff"},
    }
    settings = written(
        tmp_path, software=[entry], previous_spawner=SimpleLocalProcessSpawner, limits=[]
    )
    text = settings_path(settings).read_text()
    assert "s3cr" not in text
    values = json.loads(text)["Rosetta"]
    assert "previous_spawner" not in values
    (result,) = values["software"]
    assert result["spawner_class"] == "jupyterhub.spawner.SimpleLocalProcessSpawner"
    (family,) = read_settings(settings_path(settings)).catalogue().software.values()
    assert family.default.groups == {"staff"}


def test_value_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"c\.Rosetta\.template_vars can't be handed over"):
        written(tmp_path, template_vars={"name": lambda: "a"})


@pytest.mark.parametrize("text", [None, "{"])
def test_file_that_cannot_be_read(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "settings.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match="The hub writes this file when it starts"):
        read_settings(path)


def test_configuration_that_needs_the_hubs_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "jupyterhub_config.py"
    path.write_text("import os\nc.A.b = os.environ['NO_SUCH_SECRET_HERE']\n")
    with pytest.raises(ConfigError, match=r"KeyError.'NO_SUCH_SECRET_HERE'.*--settings"):
        load_settings(path)
    assert main(["check", "--config", str(path)]) == 2
    assert "NO_SUCH_SECRET_HERE" in capsys.readouterr().err


def test_command_that_takes_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = settings_path(written(tmp_path, allow_plain_http=True))
    assert main(["check", "nowhere", "--settings", str(path)]) == 2
    message = "There is no computing resource, storage or builder 'nowhere'. There are: here, big."
    assert message in capsys.readouterr().err
