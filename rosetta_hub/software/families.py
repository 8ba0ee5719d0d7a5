"""What makes versions one software family: name, image, and the keys that they have in common."""

import logging
from typing import Any

from pydantic import ValidationError

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.software import Software, SoftwareFamily
from rosetta_hub.catalogue.software_owner import SoftwareOwner, VersionRecord
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_software import UserSoftware
from rosetta_hub.errors import Conflict, InvalidOptions
from rosetta_hub.registries.errors import RegistryRefused
from rosetta_hub.registries.references import parse_reference
from rosetta_hub.software.rules import FAMILY_KEYS, IMAGE_KEYS, USER_KEYS

log = logging.getLogger(__name__)

LONGEST_NAME = 80


def software_of(row: UserSoftware) -> Software | None:
    """The entry as the catalogue has it; None where this version of Rosetta Hub can't read it."""
    try:
        # Variables of the hub's spawner may be secrets: images of users get none of them.
        return Software.model_validate(
            {**row.entry, "id": row.family, "spawner_environment": "none"}
        )
    except ValidationError as error:
        # Values are not told: an environment may hold secrets.
        keys = sorted({str(fault["loc"][0]) for fault in error.errors() if fault["loc"]})
        log.warning("the software %s of %s can't be used: keys %s", row.id, row.owner, keys)
        return None


def add_version(
    family: SoftwareFamily | None, row: UserSoftware, software: Software, record: VersionRecord
) -> SoftwareFamily:
    """The family with one more version; a new family where there is none."""
    owner = SoftwareOwner(row.owner_kind.value, row.owner)
    if family is None:
        return SoftwareFamily(row.family, (software,), owner, {software.image_tag: record})
    records = {**family.records, software.image_tag: record}
    return SoftwareFamily(row.family, (*family.versions, software), owner, records)


def entry_of(software: Software) -> dict[str, Any]:
    """What is stored of a software: the keys that were set."""
    return software.model_dump(mode="json", exclude_unset=True)


def image_of(row: UserSoftware) -> str:
    """The reference by digest of what the version was when it was looked up; empty without one."""
    digest = row.entry.get("image_digest") or row.digest
    if not digest:
        return ""
    try:
        return parse_reference(f"{_repository_of(row)}@{digest}").content
    except RegistryRefused:
        return ""


def is_fixed(key: str, row: UserSoftware) -> bool:
    """Whether the service has set the key, so that a user can't change it.

    A key of an older version, which the catalogue has no more, is nobody's.
    """
    if key not in USER_KEYS:
        return key in Software.model_fields
    return row.build is not None and key in IMAGE_KEYS


def find_siblings(rows: list[UserSoftware], software: Software) -> list[UserSoftware]:
    """The versions of the family of that name and image; empty where there is no such family."""
    name, repository = software.name.casefold(), software.repository
    same = [
        row.family
        for row in rows
        if row.entry["name"].casefold() == name and _repository_of(row) == repository
    ]
    return [row for row in rows if same and row.family == same[0]]


def _repository_of(row: UserSoftware) -> str:
    registry, name = row.entry.get("registry", ""), row.entry["image_name"]
    return f"{registry}/{name}" if registry else str(name)


def check_image(siblings: list[UserSoftware], software: Software) -> None:
    """See that the software is of the same image as the other versions of its family.

    Raises:
        InvalidOptions: it is of another one.
    """
    if siblings and (name := _repository_of(siblings[0])) != software.repository:
        raise InvalidOptions(
            f"The other versions of this software are of the image {name}. Add"
            f" {software.repository} as new software."
        )


def check_tag(siblings: list[UserSoftware], software: Software) -> None:
    """See that no other version of the family has the software's tag.

    Raises:
        Conflict: one has.
    """
    tags = {row.entry.get("image_tag", "latest") for row in siblings}
    if software.image_tag in tags:
        raise Conflict(
            f"{software.name} has the version {software.image_tag!r} already. Edit that one, or"
            " duplicate it."
        )


def common_keys(siblings: list[UserSoftware]) -> dict[str, Any]:
    """What a new version of a family has from the others where it says nothing."""
    entry = siblings[0].entry if siblings else {}
    return {key: entry[key] for key in FAMILY_KEYS if key in entry}


def share_common_keys(row: UserSoftware, siblings: list[UserSoftware], user: User) -> None:
    """Give the other versions of the family what all have in common; one alone is the default."""
    common = {key: row.entry[key] for key in FAMILY_KEYS if key in row.entry}
    for sibling in siblings:
        own = {key: value for key, value in sibling.entry.items() if key not in FAMILY_KEYS}
        if row.entry.get("default"):
            own.pop("default", None)
        if (entry := common | own) != sibling.entry:
            sibling.entry = entry
            touch(sibling, user)


def touch(row: UserSoftware, user: User) -> None:
    """Note who changes the version, and when."""
    row.revision += 1
    row.updated, row.updated_by = utc_now(), user.name


def free_name(name: str, names: set[str]) -> str:
    """The name, with "(copy)" or "(copy 2)" behind it where it is taken."""
    candidate, number = name, 1
    while candidate.casefold() in names:
        suffix = " (copy)" if number == 1 else f" (copy {number})"
        candidate, number = name[: LONGEST_NAME - len(suffix)] + suffix, number + 1
    return candidate
