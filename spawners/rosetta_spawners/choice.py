"""Which spawner class does the work of a server: chosen by the options, or found in its state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jupyterhub.spawner import Spawner

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.software import Software
from rosetta_hub.hub.native_spawners import find_class
from rosetta_spawners.errors import StartRefused
from rosetta_spawners.settings import Settings
from rosetta_spawners.task import TaskSpawner


@dataclass(frozen=True)
class Choice:
    """A spawner class, with the configuration of its entry and the options that are its own.

    `software` is the id of the native entry, empty for a container.
    """

    software: str
    spawner_class: type[Spawner]
    options: dict[str, Any] = field(repr=False)
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class StoredState:
    """What the hub's database holds of a server: `state` is that of the child's class.

    `software` is the id of the native entry, empty for a container, and None where the state does
    not tell: a hub that was killed in the middle of a start has stored nothing.
    """

    software: str | None
    state: dict[str, Any] = field(default_factory=dict, repr=False)
    spawner_class: str = ""

    @classmethod
    def parse(cls, stored: Mapping[str, Any], settings: Settings) -> "StoredState":
        """Read what `pack` has made, or the previous spawner itself, before the installation."""
        if {"software", "child_state"} <= stored.keys():
            name = str(stored.get("spawner_class", ""))
            return cls(str(stored["software"]), dict(stored["child_state"]), name)
        if stored and settings.previous:
            return cls(settings.previous.id, dict(stored))
        return cls(None, dict(stored))

    def pack(self, settings: Settings) -> dict[str, Any]:
        """The state to store.

        The previous spawner's own is stored as it is, so that its servers outlive the installation
        of Rosetta Hub, and its removal.
        """
        if settings.previous and self.software == settings.previous.id:
            return self.state
        name = {"spawner_class": self.spawner_class} if self.spawner_class else {}
        return {"software": self.software or "", "child_state": self.state} | name


def task_choice(options: dict[str, Any]) -> Choice:
    """A container, which the service decides about."""
    return Choice("", TaskSpawner, options)


def native_choice(entry: Software, options: dict[str, Any]) -> Choice:
    """The spawner of a native entry.

    Options that name no software are the spawner's own: they are older than the installation, or
    come from a client that does not know of it.

    Raises:
        StartRefused: the options can't be used.
        ImportError, TraitError: the spawner class is not there.
    """
    own = (options.get("spawner_options") or {}) if "software" in options else options
    if not isinstance(own, dict):
        raise StartRefused(422, "The option 'spawner_options' must be an object.")
    return Choice(entry.id, find_class(entry.spawner_class), own, entry.spawner_config)


def choose(settings: Settings, options: dict[str, Any], user: User) -> Choice:
    """The spawner for a start with these options.

    Raises:
        StartRefused, ImportError, TraitError: see `native_choice`.
    """
    named = "software" in options
    entry = settings.native(options, user) if named else settings.previous_for(user)
    return native_choice(entry, options) if entry else task_choice(options)


def restore(settings: Settings, stored: StoredState, options: dict[str, Any], user: User) -> Choice:
    """The spawner of a server that runs. Its entry may have been removed from the catalogue.

    Raises:
        ImportError, TraitError: the spawner class is not there.
    """
    if stored.software is None:
        if settings.previous and "software" not in options:
            return native_choice(settings.previous, options)
        return choose(settings, options, user)
    if entry := settings.native_entry(stored.software):
        return native_choice(entry, options)
    if stored.spawner_class:
        own = options.get("spawner_options") or {}
        return Choice(stored.software, find_class(stored.spawner_class), own)
    return task_choice(options)
