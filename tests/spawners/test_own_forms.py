"""Forms of native entries inside of ours: shown, hidden, or alone."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from jupyterhub.spawner import SimpleLocalProcessSpawner

from rosetta_hub.hub.native_spawners import PREVIOUS_FAMILY
from rosetta_spawners import RosettaSpawner

from .fakes import rosetta_config, spawner_arguments


class FormSpawner(SimpleLocalProcessSpawner):
    """Has a form."""

    async def get_options_form(self) -> str:
        return '<input name="flavour">'


class BrokenFormSpawner(SimpleLocalProcessSpawner):
    """Has a form that can't be made."""

    async def get_options_form(self) -> str:
        raise OSError("The directory of profiles is gone.")


class BrokenSpawner(SimpleLocalProcessSpawner):
    """Can't be made."""

    def __init__(self, **kwargs: Any) -> None:
        raise KeyError("cluster")


class HangingSpawner(SimpleLocalProcessSpawner):
    """Waits for something that does not answer."""

    async def get_options_form(self) -> str:
        await asyncio.Event().wait()
        raise AssertionError


async def form_of(tmp_path: Path, previous: type, containers: bool = True) -> str:
    config = rosetta_config(str(tmp_path))
    config.Rosetta.previous_spawner = previous
    web = config.Rosetta.software[:1] if containers else []
    config.Rosetta.software = [PREVIOUS_FAMILY | {"spawner_class": previous}, *web]
    return await RosettaSpawner(**spawner_arguments(config)).get_options_form()


async def test_form_is_shown(tmp_path: Path) -> None:
    form = await form_of(tmp_path, FormSpawner)
    assert form.index('value="previous-spawner"') < form.index('value="web"')
    assert '<input name="flavour">' in form


@pytest.mark.parametrize("spawner_class", [BrokenFormSpawner, BrokenSpawner, HangingSpawner])
async def test_software_without_a_form_is_hidden(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    spawner_class: type,
) -> None:
    monkeypatch.setattr("rosetta_spawners.rosetta._FORM_TIMEOUT", 0.1)
    caplog.set_level(logging.ERROR, "traitlets")
    form = await form_of(tmp_path, spawner_class)
    assert "previous-spawner" not in form
    assert 'value="web"' in form
    assert "The software 'previous-spawner' is hidden: its form can't be made" in caplog.text
    assert "Traceback" in caplog.text


async def test_previous_spawner_alone(tmp_path: Path) -> None:
    """Without a form the hub starts it at once, as it did before."""
    assert await form_of(tmp_path, SimpleLocalProcessSpawner, containers=False) == ""
    assert "flavour" in await form_of(tmp_path, FormSpawner, containers=False)
