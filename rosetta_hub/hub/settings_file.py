"""The settings that the hub hands over to its service, so that its configuration runs only once.

A `jupyterhub_config.py` may need what only the hub's environment has, such as the secret of an
OAuth client. So the hub writes what is set of `c.Rosetta` to a file in `state_dir` that nobody else
can read, and starts the service with the name of that file.
"""

import json
import os
from pathlib import Path
from typing import Any

from pydantic_core import PydanticSerializationError, to_jsonable_python
from traitlets.config import Config

from rosetta_hub.config import Rosetta
from rosetta_hub.errors import ConfigError
from rosetta_hub.hub.native_spawners import class_name

# Options that only the hub itself uses: their values may be classes and functions.
_HUB_ONLY = frozenset({"previous_spawner"})
_HUB_ONLY_KEYS = frozenset({"spawner_config"})


def settings_path(settings: Rosetta) -> Path:
    """The file, as an absolute path."""
    return settings.state_path / "settings.json"


def write_settings(settings: Rosetta) -> None:
    """Write what is set; a service that reads the file meanwhile reads the old one or the new one.

    Raises:
        ConfigError: the value of an option can't be written as JSON.
    """
    names = settings.config.Rosetta.keys() & settings.class_traits(config=True).keys() - _HUB_ONLY
    values = {name: _plain(name, getattr(settings, name)) for name in sorted(names)}
    path = settings_path(settings)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"Rosetta": values}, file, indent=1)
    draft.replace(path)


def read_settings(path: Path) -> Rosetta:
    """The settings in a file that `write_settings` has made.

    Raises:
        ConfigError: the file can't be read.
    """
    try:
        return Rosetta(config=Config(json.loads(path.read_text())))
    except (OSError, ValueError) as exc:
        raise ConfigError(
            f"The settings in {path} can't be read: {exc}. The hub writes this file when it starts."
        ) from exc


def _plain(name: str, value: Any) -> Any:
    if name == "software":
        value = [_plain_software(entry) for entry in value]
    try:
        return to_jsonable_python(value)
    except PydanticSerializationError as exc:
        raise ConfigError(
            f"c.Rosetta.{name} can't be handed over to the service: {exc}. Use texts, numbers,"
            " lists and dicts."
        ) from exc


def _plain_software(entry: dict[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in entry.items() if key not in _HUB_ONLY_KEYS}
    if "spawner_class" in plain:
        plain["spawner_class"] = class_name(plain["spawner_class"])
    return plain
