"""Copies of software: of a version of users' software, or of any software family."""

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.software_owner import SoftwareOwner
from rosetta_hub.database.models_software import UserSoftware
from rosetta_hub.errors import InvalidOptions, NotFound
from rosetta_hub.software.families import is_fixed
from rosetta_hub.software.library import Library
from rosetta_hub.software.rules import USER_KEYS

PICTURE_KEYS: tuple[str, ...] = ("logo", "screenshot")


def duplicate_version(
    library: Library, user: User, version_id: str, owner: SoftwareOwner | None = None
) -> UserSoftware:
    """A copy of a version, as a family of its own, for the user or one of the user's groups.

    Raises:
        NotFound: see `Library.find`.
        NotAllowed, InvalidOptions, Conflict: see `Library.add`.
    """
    row = library.find(user, version_id)
    raw = {key: row.entry[key] for key in row.entry if key in USER_KEYS}
    raw["name"] = library.free_name(user, raw["name"], owner)
    return library.add(
        user,
        raw,
        owner,
        digest=row.digest,
        build=row.build,
        fixed={key: row.entry[key] for key in row.entry if is_fixed(key, row)},
        logo_of=row.family,
    )


def duplicate_family(
    library: Library,
    user: User,
    family_id: str,
    tag: str | None,
    owner: SoftwareOwner | None = None,
) -> tuple[UserSoftware, list[str]]:
    """A copy of a version of any family, the platform's included; the default version for None.

    Keys that are the administrator's are dropped; the second result names them.

    Raises:
        NotFound: the user sees no such family, or it has no such version.
        NotAllowed, InvalidOptions, Conflict: see `Library.add`.
    """
    families = {family.id: family for family in library.catalogue_for(user).families_for(user)}
    family = families.get(family_id)
    version = family.version(tag) if family else None
    if family is None or version is None:
        raise NotFound(f"There is no such software, or it has no version {tag!r}.")
    if version_id := family.record(version).id:
        return duplicate_version(library, user, version_id, owner), []
    if version.kind == "native":
        raise InvalidOptions(f"{version.name} is started by the hub itself: it is no image.")
    entry = version.model_dump(mode="json", exclude_unset=True)
    raw = {key: value for key, value in entry.items() if key in USER_KEYS}
    raw.pop("default", None)
    raw["name"] = library.free_name(user, raw["name"], owner)
    # Pictures are no users' keys: the administrator has chosen these addresses.
    fixed = {key: entry[key] for key in PICTURE_KEYS if key in entry}
    dropped = sorted(entry.keys() - raw.keys() - fixed.keys() - {"id", "default", "kind"})
    return library.add(user, raw, owner, fixed=fixed), dropped
