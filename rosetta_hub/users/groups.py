"""What each group of a user gives."""

from collections.abc import Iterable, Set

from pydantic import BaseModel

from rosetta_hub.catalogue.catalogue import Catalogue
from rosetta_hub.software.settings import UserSoftwareRules


class GroupView(BaseModel):
    """A group, and the names of what is limited to it and others.

    `any_protocol` says that its members may add software with interfaces of any protocol.
    """

    name: str
    software: list[str]
    computing: list[str]
    storages: list[str]
    any_protocol: bool


def group_views(
    groups: Set[str], catalogue: Catalogue, rules: UserSoftwareRules
) -> list[GroupView]:
    """The groups by name."""
    return [_view(name, catalogue, rules) for name in sorted(groups)]


def _view(name: str, catalogue: Catalogue, rules: UserSoftwareRules) -> GroupView:
    versions = [version for family in catalogue.software.values() for version in family.versions]
    return GroupView(
        name=name,
        software=_names(version.name for version in versions if name in version.groups),
        computing=_names(
            resource.name for resource in catalogue.computing.values() if name in resource.groups
        ),
        storages=_names(
            storage.name for storage in catalogue.storages.values() if name in storage.groups
        ),
        any_protocol=name in rules.power_groups,
    )


def _names(names: Iterable[str]) -> list[str]:
    """Each once, in the order of the configuration: versions of a software share its name."""
    return list(dict.fromkeys(names))
