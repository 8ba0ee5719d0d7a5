"""The catalogue as one user sees it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rosetta_hub.catalogue.computing import Computing, load_computing
from rosetta_hub.catalogue.lifetimes import Lifetime, load_lifetimes
from rosetta_hub.catalogue.limits import Limit, load_limits
from rosetta_hub.catalogue.software import Software, SoftwareFamily, load_software
from rosetta_hub.catalogue.storage_checks import check_home_path, load_storages
from rosetta_hub.catalogue.storages import Storage
from rosetta_hub.errors import ConfigError


@dataclass(frozen=True)
class User:
    """Whoever asks: the hub's user name and groups; admins see every entry."""

    name: str
    groups: frozenset[str] = frozenset()
    admin: bool = False


def may_use(user: User, entry: Software | Computing) -> bool:
    """Whether an entry is meant for the user: no users and no groups named means everybody."""
    return user.admin or entry.applies_to(user.name, user.groups)


@dataclass(frozen=True)
class Catalogue:
    """Software, computing resources and storages by id, in the order of the configuration."""

    software: Mapping[str, SoftwareFamily]
    computing: Mapping[str, Computing]
    limits: Sequence[Limit] = ()
    storages: Mapping[str, Storage] = field(default_factory=dict)
    lifetimes: Sequence[Lifetime] = ()
    # Why a resource takes no new tasks now, by its id.
    drained: Mapping[str, str] = field(default_factory=dict)

    def families_for(self, user: User) -> list[SoftwareFamily]:
        """The families that the user may start, with the versions that are the user's."""
        return [
            replace(family, versions=versions)
            for family in self.software.values()
            if (versions := tuple(version for version in family.versions if may_use(user, version)))
        ]

    def denied_to(self, user: User) -> list[Software]:
        """A version of each family that the user may see, and may not start."""
        usable = {family.id for family in self.families_for(user)}
        denied = [family for key, family in self.software.items() if key not in usable]
        versions = (
            next((version for version in family.versions if version.is_shown_to_all), None)
            for family in denied
        )
        return [version for version in versions if version is not None]

    def denied_storages(self, user: User, computing: str) -> list[Storage]:
        """The storages of a computing resource that the user may see, and may not use."""
        return [
            storage
            for storage in self.storages.values()
            if storage.is_shown_to_all
            and storage.bind_path
            and computing in storage.computing
            and not storage.applies_to(user.name, user.groups)
        ]

    def computing_for(self, user: User, software: Software) -> list[Computing]:
        """The resources on which the user may run the software; those that emulate it are last."""
        offered = self._offered(user, software)
        resources = [
            resource
            for resource in offered
            if resource.runs(software) and resource.id not in self.drained
        ]
        return sorted(resources, key=lambda resource: resource.support(software) == "emulated")

    def unavailable_for(self, user: User, software: Software) -> list[tuple[Computing, str]]:
        """The resources that the user sees, and that do not run the image for the user now.

        With the reason: the image does not run there, it takes no tasks, or is for others.
        """
        obstacles = [
            (resource, self._obstacle(resource, software))
            for resource in self._offered(user, software)
        ]
        denied = [
            (resource, resource.audience)
            for resource in self._named(software)
            if resource.is_shown_to_all and resource.runs(software) and not may_use(user, resource)
        ]
        return [
            *((resource, reason) for resource, reason in obstacles if reason is not None),
            *denied,
        ]

    def _obstacle(self, resource: Computing, software: Software) -> str | None:
        return resource.obstacle(software) or self.drained.get(resource.id)

    def _offered(self, user: User, software: Software) -> list[Computing]:
        """The resources that the user may use, of those that the software names."""
        return [resource for resource in self._named(software) if may_use(user, resource)]

    def _named(self, software: Software) -> list[Computing]:
        """The resources that the software names; all of them where it names none."""
        return [
            resource
            for key, resource in self.computing.items()
            if not software.computing or key in software.computing
        ]

    def storages_of(self, user: User) -> list[Storage]:
        """The storages that the user may use."""
        return [
            storage
            for storage in self.storages.values()
            if storage.applies_to(user.name, user.groups)
        ]

    def storages_for(self, user: User, computing: str) -> list[Storage]:
        """The storages that the user's tasks on a computing resource get."""
        return [
            storage
            for storage in self.storages_of(user)
            if storage.bind_path and computing in storage.computing
        ]

    def limits_for(self, user: User, computing: str) -> list[Limit]:
        """The limits that count for a task of the user on a computing resource.

        Of the entries with the same `computing` the first one that applies to the user counts.
        """
        limits: dict[frozenset[str], Limit] = {}
        for limit in self.limits:
            if limit.covers(computing) and limit.applies_to(user.name, user.groups):
                limits.setdefault(limit.computing, limit)
        return list(limits.values())


def load_catalogue(
    software: Iterable[Mapping[str, Any]],
    computing: Iterable[Mapping[str, Any]],
    limits: Iterable[Mapping[str, Any]] = (),
    storages: Iterable[Mapping[str, Any]] = (),
    lifetimes: Iterable[Mapping[str, Any]] = (),
) -> Catalogue:
    """The validated catalogue.

    Raises:
        ConfigError: an entry is invalid, or names a resource that does not exist.
    """
    resources, families = load_computing(computing), load_software(software)
    catalogue = Catalogue(
        families,
        resources,
        load_limits(limits, resources),
        load_storages(storages, resources),
        load_lifetimes(lifetimes, resources, families),
    )
    for family in catalogue.software.values():
        for version in family.versions:
            if unknown := version.computing - catalogue.computing.keys():
                names = ", ".join(catalogue.computing) or "none"
                raise ConfigError(
                    f"c.Rosetta.software entry {family.id!r}: key 'computing' names"
                    f" {sorted(unknown)}, which c.Rosetta.computing has not. It has: {names}."
                )
            if version.home_path:
                check_home_path(family.id, version.home_path, catalogue.storages.values())
    return catalogue
