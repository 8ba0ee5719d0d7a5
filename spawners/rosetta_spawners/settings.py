"""What all spawners of a hub share: the configuration, read once a process."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jupyterhub.orm import Service
from jupyterhub.utils import isoformat

from rosetta_hub.catalogue.catalogue import Catalogue, User
from rosetta_hub.catalogue.software import Software, SoftwareFamily
from rosetta_hub.client_address import client_address
from rosetta_hub.config import Rosetta
from rosetta_hub.hub.native_spawners import PREVIOUS_FAMILY, find_entry
from rosetta_spawners.client import ActiveTasks


@dataclass(frozen=True)
class Settings:
    """`c.Rosetta` with its validated catalogue, and the key that the service knows spawners by.

    `previous` is the entry of the spawner that the hub has without Rosetta Hub; it is not in the
    catalogue where `c.Rosetta.keep_spawner` is off.
    """

    rosetta: Rosetta
    catalogue: Catalogue
    spawner_key: str
    previous: Software | None = None

    def __repr__(self) -> str:
        return "Settings(***)"

    @property
    def service(self) -> str:
        """The service's address with its path."""
        return f"{self.rosetta.service_url}{self.rosetta.service_prefix}"

    @cached_property
    def active_tasks(self) -> ActiveTasks:
        """What all polls of this hub ask."""
        return ActiveTasks(self.service, self.spawner_key)

    def native(self, options: Mapping[str, Any], user: User) -> Software | None:
        """The native entry that the options of a start name, None for anything else.

        What is not the user's is None too: then the service is asked, and refuses it.
        """
        families = {family.id: family for family in self.catalogue.families_for(user)}
        return _native(families.get(str(options.get("software", ""))))

    def native_entry(self, family_id: str) -> Software | None:
        """The native entry of that id, whoever may start it; for servers that run already."""
        if self.previous and family_id == self.previous.id:
            return self.previous
        return _native(self.catalogue.software.get(family_id))

    def version(self, options: Mapping[str, Any]) -> Software | None:
        """The entry that the options of a start name, whoever may start it; None for none."""
        family = self.catalogue.software.get(str(options.get("software", "")))
        return family.version(options.get("version") or None) if family else None

    def previous_for(self, user: User) -> Software | None:
        """The entry of the previous spawner, where it is kept and the user may start it."""
        return self.previous and self.native({"software": self.previous.id}, user)


def _native(family: SoftwareFamily | None) -> Software | None:
    """The entry of a native family, with the family's id."""
    if family is None or family.default.kind != "native":
        return None
    return family.default.model_copy(update={"id": family.id})


_instances: list[tuple[Any, Settings]] = []


def load_settings(config: Any) -> Settings:
    """The settings in the hub's configuration object; the same instance for the same object.

    Raises:
        ConfigError: the configuration can't be used.
    """
    for hub_config, settings in _instances:
        if hub_config is config:
            return settings
    rosetta = Rosetta(config=config)
    catalogue = rosetta.catalogue()
    previous = _find_previous(rosetta, catalogue)
    settings = Settings(rosetta, catalogue, rosetta.keys().spawner_key, previous)
    # A process has one hub, so one entry; tests may have several, one after the other.
    _instances[:] = [(config, settings)]
    return settings


def _find_previous(rosetta: Rosetta, catalogue: Catalogue) -> Software | None:
    spawner = rosetta.previous_spawner
    if spawner is None:
        return None
    hidden = Software.model_validate(PREVIOUS_FAMILY | {"spawner_class": spawner})
    return find_entry(catalogue, spawner) or hidden


def hub_user_fields(user: Any) -> dict[str, Any]:
    """What the service is told of the hub's user, beside the name."""
    hub_user = user_of(user)
    created = isoformat(user.created)
    return {"groups": sorted(hub_user.groups), "admin": hub_user.admin, "created": created}


def requester(handler: Any, proxies: Collection[str]) -> dict[str, Any] | None:
    """Who asked the hub for a start, and from where; None where nobody is known.

    `proxies` are in front of the hub's own, as in `client_address`.
    """
    principal = getattr(handler, "current_user", None)
    if principal is None:
        return None
    is_service = isinstance(principal, Service)
    return {
        "name": str(principal.name),
        "address": client_address(handler.request, proxies),
        "is_service": is_service,
    }


def user_of(user: Any) -> User:
    """The hub's user as the catalogue's checks see it."""
    groups = frozenset(str(group.name) for group in user.groups)
    return User(str(user.name), groups, bool(user.admin))
