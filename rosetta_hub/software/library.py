"""The catalogue as each user has it: the platform's software, the user's own, and the groups'."""

import secrets
from collections.abc import Callable, Mapping, Set
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from rosetta_hub.catalogue.catalogue import Catalogue, User
from rosetta_hub.catalogue.software import SoftwareFamily, slug_of
from rosetta_hub.catalogue.software_owner import SoftwareOwner, VersionRecord
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_software import OwnerKind, UserSoftware
from rosetta_hub.errors import Conflict, InvalidOptions
from rosetta_hub.software.families import (
    add_version,
    check_image,
    check_tag,
    common_keys,
    entry_of,
    find_siblings,
    free_name,
    image_of,
    is_fixed,
    share_common_keys,
    software_of,
    touch,
)
from rosetta_hub.software.logos import copy_logo, digests_of_logos
from rosetta_hub.software.records import (
    VersionChanged,
    count_of_owner,
    delete_rows,
    find_family,
    find_row,
    rows_of,
    rows_of_owner,
)
from rosetta_hub.software.rules import (
    NOTHING,
    check_entry,
    check_may_add,
    find_refusal,
    platform_images,
)
from rosetta_hub.software.settings import UserSoftwareRules

# Says what the image policy has said against which images (references by digest).
FindRefusals = Callable[[Session, Set[str]], Mapping[str, str]]


def no_refusals(_session: Session, _images: Set[str]) -> Mapping[str, str]:
    """Without an image policy nothing is said against any image."""
    return NOTHING


class Library:
    """Reads and changes users' software. The members of a group share what is the group's.

    `platform` is the catalogue of the configuration, whose software is shown and duplicated, and
    never changed. Tasks keep what they were started with.
    """

    def __init__(
        self,
        platform: Catalogue,
        database: Database,
        rules: UserSoftwareRules,
        prefix: str,
        find_refusals: FindRefusals = no_refusals,
    ) -> None:
        """`prefix` is the service's path, below which browsers find logos.

        `find_refusals` tells what the image policy has said against images.
        """
        self.platform = platform
        self.rules = rules
        self._prefix = prefix
        self._find_refusals = find_refusals
        self._database = database

    def catalogue_for(self, user: User) -> Catalogue:
        """What options of the user are resolved against.

        Admins have their own and their groups' software beside the platform's, as everybody.
        """
        if not self.rules.enabled:
            return self.platform
        with self._database.session() as session:
            families = self._families(session, user)
        own = {
            family_id: family
            for family_id, family in families.items()
            if family_id not in self.platform.software
        }
        return replace(self.platform, software={**self.platform.software, **own})

    def find(self, user: User, version_id: str) -> UserSoftware:
        """A version that the user may see, and so may change.

        Raises:
            NotFound: there is none.
        """
        with self._database.session() as session:
            return find_row(session, user, version_id)

    def versions(self, user: User, family_id: str) -> list[UserSoftware]:
        """The versions of a family, the newest first.

        Raises:
            NotFound: the user sees no such family.
        """
        with self._database.session() as session:
            return find_family(session, user, family_id)

    def refusal(self, user: User, row: UserSoftware) -> str | None:
        """Why the version can't be started, in words; None where it can."""
        software = software_of(row)
        if software is None:
            return "This version is of an older Rosetta Hub. Edit it, and save it again."
        with self._database.session() as session:
            verdicts = self._find_refusals(session, {image_of(row)} - {""})
        refused = find_refusal(
            row, software, user, self.rules, platform_images(self.platform, user)
        )
        return refused or verdicts.get(image_of(row))

    def add(
        self,
        user: User,
        raw: Mapping[str, Any],
        owner: SoftwareOwner | None = None,
        *,
        digest: str | None = None,
        build: str | None = None,
        fixed: Mapping[str, Any] = NOTHING,
        logo_of: str | None = None,
    ) -> UserSoftware:
        """Add a version: to the owner's family of that name and image, or as a new family.

        `raw` are keys as users set them, `fixed` those that the service sets. The owner is the
        user, or one of the user's groups. The family gets the logo of the family `logo_of`.

        Raises:
            NotAllowed, InvalidOptions: see `check_entry`.
            Conflict: the family has this tag, or the owner has too many versions.
        """
        owner = self._checked_owner(user, owner)
        software = check_entry(raw, user, self.rules, self.platform, fixed)
        entry = entry_of(software)
        with self._database.session() as session:
            self._check_room(session, owner)
            siblings = find_siblings(rows_of_owner(session, owner), software)
            check_tag(siblings, software)
            row = UserSoftware(
                id=secrets.token_hex(6),
                family=siblings[0].family if siblings else self._new_family_id(software.name),
                owner_kind=OwnerKind(owner.kind),
                owner=owner.name,
                entry=common_keys(siblings) | entry,
                digest=digest,
                build=build,
                revision=1,
                created=utc_now(),
                created_by=user.name,
                updated=utc_now(),
                updated_by=user.name,
            )
            session.add(row)
            share_common_keys(row, siblings, user)
            if logo_of is not None:
                session.flush()
                copy_logo(session, logo_of, row.family)
        return row

    def change(
        self,
        user: User,
        version_id: str,
        revision: int,
        raw: Mapping[str, Any],
        digest: str | None = None,
    ) -> UserSoftware:
        """Replace what the user may set of a version.

        Name, description and keywords are those of the whole family.

        Raises:
            NotFound: there is none that the user may see.
            VersionChanged: it has another revision; nothing was changed.
            NotAllowed, InvalidOptions: see `check_entry`; or the family is of another image.
            Conflict: the family has this tag.
        """
        with self._database.session() as session:
            row = find_row(session, user, version_id)
            _check_revision(session, row, revision)
            fixed = {key: row.entry[key] for key in row.entry if is_fixed(key, row)}
            software = check_entry(raw, user, self.rules, self.platform, fixed)
            siblings = [
                sibling for sibling in find_family(session, user, row.family) if sibling is not row
            ]
            check_image(siblings, software)
            check_tag(siblings, software)
            row.entry, row.digest = entry_of(software), digest
            touch(row, user)
            share_common_keys(row, siblings, user)
        return row

    def find_built(self, user: User, build: str) -> UserSoftware | None:
        """The user's own version of a build's image, the oldest of several; None without one."""
        with self._database.session() as session:
            rows = rows_of_owner(session, SoftwareOwner("user", user.name))
        return next((row for row in reversed(rows) if row.build == build), None)

    def renew_built(self, user: User, version_id: str, fixed: Mapping[str, Any]) -> UserSoftware:
        """Give a version the image that its build has made anew.

        Raises:
            NotFound: there is none that the user may see.
        """
        with self._database.session() as session:
            row = find_row(session, user, version_id)
            row.entry = {**row.entry, **fixed}
            touch(row, user)
        return row

    def note_digest(self, version_id: str, revision: int, digest: str) -> None:
        """Keep the digest that a version's tag has; nothing where it was changed meanwhile."""
        with self._database.session() as session:
            row = session.get(UserSoftware, version_id)
            if row is not None and row.revision == revision:
                row.digest = digest

    def delete(self, user: User, version_id: str, revision: int) -> None:
        """Delete a version; tasks that run go on.

        Raises:
            NotFound, VersionChanged: see `change`.
            NotAllowed: it is a group's, and the user may not add software.
        """
        with self._database.session() as session:
            row = find_row(session, user, version_id)
            _check_may_delete(user, row, self.rules)
            _check_revision(session, row, revision)
            delete_rows(session, [row])

    def delete_family(self, user: User, family_id: str) -> None:
        """Delete all versions of a family; tasks that run go on.

        Raises:
            NotFound: the user sees no such family.
            NotAllowed: it is a group's, and the user may not add software.
        """
        with self._database.session() as session:
            rows = find_family(session, user, family_id)
            _check_may_delete(user, rows[0], self.rules)
            delete_rows(session, rows)

    def delete_user(self, name: str) -> None:
        """Delete what belongs to a user alone; what is shared with a group stays the group's."""
        with self._database.session() as session:
            delete_rows(session, rows_of_owner(session, SoftwareOwner("user", name)))

    def free_name(self, user: User, name: str, owner: SoftwareOwner | None = None) -> str:
        """The name, or one like it that no family of the owner has.

        Raises:
            NotAllowed, InvalidOptions: the owner may not have software, or is not the user's.
        """
        owner = self._checked_owner(user, owner)
        with self._database.session() as session:
            names = {row.entry["name"].casefold() for row in rows_of_owner(session, owner)}
        return free_name(name, names)

    def _families(self, session: Session, user: User) -> dict[str, SoftwareFamily]:
        rows = rows_of(session, user)
        logos = digests_of_logos(session, {row.family for row in rows})
        refusals = self._find_refusals(session, {image_of(row) for row in rows} - {""})
        images = platform_images(self.platform, user)
        families: dict[str, SoftwareFamily] = {}
        for row in rows:
            software = software_of(row)
            if software is None:
                continue
            if digest := logos.get(row.family):
                software = software.model_copy(update={"logo": self._logo_url(row.family, digest)})
            refused = find_refusal(row, software, user, self.rules, images)
            record = VersionRecord(
                row.id, row.revision, row.digest, refused, refusals.get(image_of(row))
            )
            families[row.family] = add_version(families.get(row.family), row, software, record)
        return families

    def _logo_url(self, family_id: str, digest: str) -> str:
        """Another picture has another address, so browsers may keep it."""
        return f"{self._prefix}api/v1/software/{family_id}/logo?v={digest[:16]}"

    def _checked_owner(self, user: User, owner: SoftwareOwner | None) -> SoftwareOwner:
        check_may_add(user, self.rules)
        if owner is None or owner == SoftwareOwner("user", user.name):
            return SoftwareOwner("user", user.name)
        if owner.kind == "group" and owner.name in user.groups:
            return owner
        raise InvalidOptions(
            "Software is yours, or shared with one of your groups. Your groups:"
            f" {', '.join(sorted(user.groups)) or 'none'}."
        )

    def _check_room(self, session: Session, owner: SoftwareOwner) -> None:
        if count_of_owner(session, owner) >= self.rules.most:
            whose = "You have" if owner.kind == "user" else f"The group {owner.name} has"
            raise Conflict(
                f"{whose} {self.rules.most} versions of software, which is the limit. Delete some"
                " that are not needed any more."
            )

    def _new_family_id(self, name: str) -> str:
        while True:
            family_id = f"{slug_of(name)[:40].strip('-') or 'software'}-{secrets.token_hex(3)}"
            if family_id not in self.platform.software:
                return family_id


def _check_revision(session: Session, row: UserSoftware, revision: int) -> None:
    if row.revision != revision:
        # The error outlives the transaction.
        session.expunge(row)
        raise VersionChanged(row)


def _check_may_delete(user: User, row: UserSoftware, rules: UserSoftwareRules) -> None:
    if row.owner_kind is OwnerKind.GROUP:
        check_may_add(user, rules)
