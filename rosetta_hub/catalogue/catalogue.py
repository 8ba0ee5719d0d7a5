"""The catalogue as one user sees it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rosetta_hub.catalogue.computing import Computing, load_computing
from rosetta_hub.catalogue.limits import Limit, load_limits
from rosetta_hub.catalogue.software import Software, SoftwareCard, load_software
from rosetta_hub.errors import ConfigError


@dataclass(frozen=True)
class Person:
    """Whoever asks: the hub's user name and groups; admins see every entry."""

    name: str
    groups: frozenset[str] = frozenset()
    admin: bool = False


def may_use(person: Person, entry: Software | Computing) -> bool:
    """Whether an entry is meant for the person: no users and no groups named means everybody."""
    if person.admin or not (entry.users or entry.groups):
        return True
    return person.name in entry.users or bool(person.groups & entry.groups)


@dataclass(frozen=True)
class Catalogue:
    """Software and computing resources by id, in the order of the configuration."""

    software: Mapping[str, SoftwareCard]
    computing: Mapping[str, Computing]
    limits: Sequence[Limit] = ()

    def cards_for(self, person: Person) -> list[SoftwareCard]:
        """The cards that the person may start, with the versions that are the person's."""
        return [
            SoftwareCard(card.id, versions)
            for card in self.software.values()
            if (versions := tuple(one for one in card.versions if may_use(person, one)))
        ]

    def computing_for(self, person: Person, software: Software) -> list[Computing]:
        """The resources on which the person may run the software: named, permitted, of its arch."""
        return [
            resource
            for key, resource in self.computing.items()
            if may_use(person, resource)
            and (not software.computing or key in software.computing)
            and resource.runs(software)
        ]

    def limits_for(self, person: Person, computing: str) -> list[Limit]:
        """The limits that count for a task of the person on a computing resource.

        Of the entries with the same `computing` the first one that applies to the person counts.
        """
        chosen: dict[frozenset[str], Limit] = {}
        for limit in self.limits:
            if limit.covers(computing) and limit.applies_to(person.name, person.groups):
                chosen.setdefault(limit.computing, limit)
        return list(chosen.values())


def load_catalogue(
    software: Iterable[Mapping[str, Any]],
    computing: Iterable[Mapping[str, Any]],
    limits: Iterable[Mapping[str, Any]] = (),
) -> Catalogue:
    """The validated catalogue.

    Raises:
        ConfigError: an entry is invalid, or names a resource that does not exist.
    """
    resources = load_computing(computing)
    catalogue = Catalogue(load_software(software), resources, load_limits(limits, resources))
    for card in catalogue.software.values():
        for version in card.versions:
            if unknown := version.computing - catalogue.computing.keys():
                known = ", ".join(catalogue.computing) or "none"
                raise ConfigError(
                    f"c.Rosetta.software entry {card.id!r}: key 'computing' names"
                    f" {sorted(unknown)}, which c.Rosetta.computing has not. It has: {known}."
                )
    return catalogue
