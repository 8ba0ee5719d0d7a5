"""Spawner classes of the hub that Rosetta Hub keeps available as software of the catalogue."""

from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any

from jupyterhub.spawner import Spawner
from jupyterhub.traitlets import EntryPointType
from traitlets import HasTraits, TraitError

from rosetta_hub.catalogue.catalogue import Catalogue
from rosetta_hub.catalogue.software import Software
from rosetta_hub.errors import ConfigError

_ENTRY_POINTS = "jupyterhub.spawners"

# The software family of the spawner that the hub has without Rosetta Hub.
PREVIOUS_FAMILY: dict[str, Any] = {
    "id": "previous-spawner",
    "name": "Jupyter server",
    "description": "As this hub starts it without a container of the catalogue.",
    "kind": "native",
}


class _Name(HasTraits):
    spawner_class = EntryPointType(klass=Spawner, entry_point_group=_ENTRY_POINTS)


def find_class(spawner: str | type) -> type[Spawner]:
    """The spawner class of an entry point's name (`simple`) or an import path, as the hub finds it.

    A class is returned as it is.

    Raises:
        TraitError: there is no such class, or it is not a spawner.
        ImportError: its module can't be imported.
    """
    spawner_type: type[Spawner] = _Name(spawner_class=spawner).spawner_class
    return spawner_type


def class_name(spawner: str | type) -> str:
    """The name of a spawner class for messages, the API and JSON files."""
    if isinstance(spawner, str):
        return spawner
    return f"{spawner.__module__}.{spawner.__qualname__}"


def is_rosetta(spawner: str | type) -> bool:
    """Whether a configured spawner class is ours, or one that is derived from it."""
    if spawner == "rosetta":
        return True
    try:
        bases = find_class(spawner).__mro__
    except (ImportError, TraitError):
        return False
    return any(base.__module__.startswith("rosetta_spawners.") for base in bases)


def load_class(where: str, spawner: str | type) -> type[Spawner]:
    """The spawner class that a setting names.

    Raises:
        ConfigError: it can't be used; `where` names the setting.
    """
    try:
        return find_class(spawner)
    except (ImportError, TraitError) as exc:
        raise ConfigError(
            f"{where} names {class_name(spawner)!r}, which can't be used: {exc}"
        ) from exc


def check_native_entries(catalogue: Catalogue) -> None:
    """Refuse native entries whose spawner is not installed; imports none of them.

    Raises:
        ConfigError: see `check_installed`.
    """
    for family in catalogue.software.values():
        if family.default.kind == "native":
            where = f"c.Rosetta.software entry {family.id!r}: key 'spawner_class'"
            check_installed(where, family.default.spawner_class)


def check_installed(where: str, spawner: str | type) -> None:
    """Refuse the name of a spawner class that is not installed; imports nothing.

    Raises:
        ConfigError: it is neither an entry point nor in a module that exists; `where` names the
            setting.
    """
    names = {point.name.lower() for point in entry_points(group=_ENTRY_POINTS)}
    if isinstance(spawner, str) and spawner.lower() not in names and not _exists(spawner):
        raise ConfigError(
            f"{where} names {spawner!r}, which is not installed. Use an import path or one of:"
            f" {', '.join(sorted(names))}."
        )


def find_entry(catalogue: Catalogue, spawner: str | type) -> Software | None:
    """The first native entry of that spawner class, with its id; None when there is none.

    Raises:
        ConfigError: a class can't be imported.
    """
    for family in catalogue.software.values():
        entry = family.default
        if entry.kind != "native":
            continue
        where = f"c.Rosetta.software entry {family.id!r}: key 'spawner_class'"
        spawner_type = load_class("c.Rosetta.previous_spawner", spawner)
        if load_class(where, entry.spawner_class) is spawner_type:
            return entry.model_copy(update={"id": family.id})
    return None


def _exists(import_path: str) -> bool:
    module, dot, _ = import_path.rpartition(".")
    try:
        return bool(dot) and find_spec(module) is not None
    except ModuleNotFoundError:
        return False
