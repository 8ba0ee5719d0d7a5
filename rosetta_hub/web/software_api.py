"""`api/v1/software`: the catalogue of the user, and the software that users add to it.

Software is the user's own, or a group's, all of whose members use, edit and delete it;
everybody else is told that it does not exist, admins, too. The token needs the hub's scope
`servers` of the user to change something, and `read:servers` to read it.
"""

import re
from functools import partial
from typing import Any

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.catalogue.families import families_for
from rosetta_hub.catalogue.software_owner import SoftwareOwner
from rosetta_hub.database.models_software import OwnerKind, UserSoftware
from rosetta_hub.errors import InvalidOptions, MatchRequired
from rosetta_hub.software.duplicates import duplicate_family, duplicate_version
from rosetta_hub.software.families import image_of, software_of
from rosetta_hub.software.records import VersionChanged
from rosetta_hub.software.view import VersionView, view_version
from rosetta_hub.tasks.software_uses import SoftwareUses
from rosetta_hub.web.bodies import parse_body
from rosetta_hub.web.conditional import parse_etags, quote_etag
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.operations import Content, operation
from rosetta_hub.web.problem import Problem, describe_error
from rosetta_hub.web.rights import CHANGE_OF_GROUP, CHANGE_OWN, LOGGED_IN, READ_OF_GROUP
from rosetta_hub.web.services import Services
from rosetta_hub.web.software_models import (
    DuplicateQuery,
    FamilyList,
    FamilyView,
    NewVersion,
    SoftwareEntry,
    WrittenVersion,
)

# Of the picture as a page of its own; within another page it is only shown.
LOGO_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

_PICTURE = Content("image/png", "image/jpeg", "image/webp", "image/svg+xml")
_REVISION = re.compile(r"[1-9][0-9]{0,17}")


def families_with_uses(services: Services, user: User) -> list[dict[str, Any]]:
    """The software families of platform, user and the user's groups; favourites first.

    Each tells how often the user has started it, see `SoftwareUses.describe`.
    """
    families = families_for(services.library.catalogue_for(user), user)
    return SoftwareUses(services.tasks.database).describe(families, user.name)


class SoftwareApiHandler(HubHandler):
    """What the handlers of this module share."""

    def split_body(self, body: dict[str, Any]) -> tuple[dict[str, Any], NewVersion]:
        """The keys of the entry, and what the body says besides.

        Raises:
            InvalidOptions: the body can't be used.
        """
        other = {key: body.pop(key) for key in NewVersion.model_fields if key in body}
        return body, parse_body(NewVersion, other)

    def note_written(self, row: UserSoftware, change: str) -> None:
        """Record a version that is new or changed; the image policy is asked about it meanwhile."""
        if software := software_of(row):
            note = partial(self.services.library.note_digest, row.id, row.revision)
            self.services.image_policy.ask_soon(row.family, software, self.principal.user, note)
        self.record(row, change)

    def record(self, row: UserSoftware, change: str) -> None:
        """Write down that software was changed, and which image it names."""
        detail = {"change": change, "version": row.id, "image": image_of(row)}
        if row.owner_kind is OwnerKind.GROUP:
            detail["group"] = row.owner
        self.audit(AuditEvent.SOFTWARE_CHANGE, target=row.family, detail=detail)

    def tag_answer(self, row: UserSoftware) -> None:
        """Let the revision be the entity tag of the answer."""
        self.set_header("ETag", quote_etag(str(row.revision)))

    def view_copy(self, row: UserSoftware, dropped: list[str]) -> WrittenVersion:
        """A copy that was made."""
        self.note_written(row, "add")
        self.tag_answer(row)
        return WrittenVersion(**self.version_view(row).model_dump(), dropped=dropped)

    def version_view(self, row: UserSoftware) -> VersionView:
        """The version as the user sees it."""
        return view_version(row, self.principal.user, self.services.library)

    def revision(self) -> int:
        """The revision that the user has read, of `If-Match`.

        Raises:
            MatchRequired: there is none.
        """
        tags = parse_etags(self.request.headers.get("If-Match", "")) or []
        if len(tags) != 1 or not _REVISION.fullmatch(tags[0][0]):
            raise MatchRequired(
                "The request does not say which revision it changes. Send the ETag that came with"
                " the version as If-Match."
            )
        return int(tags[0][0])

    def describe(self, error: BaseException | None, status: int) -> Problem:
        """Where somebody else was faster, besides what there is now."""
        problem = describe_error(error, status)
        if not isinstance(error, VersionChanged):
            return problem
        self.tag_answer(error.row)
        version = self.version_view(error.row).model_dump(mode="json")
        return problem.with_members(version=version)


class SoftwareHandler(SoftwareApiHandler):
    """`api/v1/software`: all software families of the user, and new software."""

    path = "software"
    renews_rights = True

    @operation(id="list_software", right=LOGGED_IN, answer=FamilyList)
    def get(self) -> FamilyList:
        """The catalogue: the platform's software families, the user's own, and the groups'."""
        families = families_with_uses(self.services, self.principal.user)
        return FamilyList(software=[FamilyView.model_validate(family) for family in families])

    @operation(
        id="add_software",
        right=CHANGE_OWN,
        answer=VersionView,
        status=201,
        refuses=(404, 409, 415, 422),
        body=SoftwareEntry,
    )
    def post(self, body: dict[str, Any]) -> VersionView:
        """Add software: the keys of an entry, and the `owner` where it is a group."""
        self.principal.check_own("servers")
        entry, new = self.split_body(body)
        row = self.services.library.add(
            self.principal.user, entry, new.software_owner(), digest=new.digest
        )
        self.note_written(row, "add")
        self.tag_answer(row)
        return self.version_view(row)


class VersionHandler(SoftwareApiHandler):
    """`api/v1/software/versions/<id>`."""

    path = "software/versions/{version}"
    renews_rights = True

    @operation(id="get_version", right=READ_OF_GROUP, answer=VersionView)
    def get(self, version_id: str) -> VersionView:
        """A version of users' software; its `ETag` is the revision."""
        self.principal.check_own("read:servers")
        row = self.services.library.find(self.principal.user, version_id)
        self.tag_answer(row)
        return self.version_view(row)

    @operation(
        id="change_version",
        right=CHANGE_OF_GROUP,
        answer=VersionView,
        refuses=(409, 415, 422),
        body=SoftwareEntry,
        matches=True,
    )
    def put(self, version_id: str, body: dict[str, Any]) -> VersionView:
        """Replace the entry of a version.

        Where somebody else was faster, the refusal has the present one as `version`.
        """
        self.principal.check_own("servers")
        library, user = self.services.library, self.principal.user
        # Whether it is the user's at all goes before what is wrong with the request.
        row = library.find(user, version_id)
        revision = self.revision()
        entry, new = self.split_body(body)
        if new.owner and new.software_owner() != SoftwareOwner(row.owner_kind.value, row.owner):
            raise InvalidOptions(
                "Software keeps its owner. Duplicate it to give it to another one."
            )
        row = library.change(user, version_id, revision, entry, new.digest)
        self.note_written(row, "change")
        self.tag_answer(row)
        return self.version_view(row)

    @operation(id="delete_version", right=CHANGE_OF_GROUP, matches=True)
    def delete(self, version_id: str) -> None:
        """Delete a version; tasks that run go on."""
        self.principal.check_own("servers")
        library, user = self.services.library, self.principal.user
        row = library.find(user, version_id)
        library.delete(user, version_id, self.revision())
        self.record(row, "delete")


class DuplicateVersionHandler(SoftwareApiHandler):
    """`api/v1/software/versions/<id>/duplicate`."""

    path = "software/versions/{version}/duplicate"

    @operation(
        id="duplicate_version",
        right=CHANGE_OF_GROUP,
        answer=WrittenVersion,
        status=201,
        refuses=(409,),
    )
    def post(self, version_id: str, body: NewVersion) -> WrittenVersion:
        """Copy a version to a new software family, of the user or of the `owner` in the body."""
        self.principal.check_own("servers")
        owner = body.software_owner()
        row = duplicate_version(self.services.library, self.principal.user, version_id, owner)
        return self.view_copy(row, [])


class FamilyHandler(SoftwareApiHandler):
    """`api/v1/software/<family>`."""

    path = "software/{family}"
    renews_rights = True

    @operation(id="delete_family", right=CHANGE_OF_GROUP)
    def delete(self, family_id: str) -> None:
        """Delete all versions of a software family; tasks that run go on."""
        self.principal.check_own("servers")
        library, user = self.services.library, self.principal.user
        rows = library.versions(user, family_id)
        library.delete_family(user, family_id)
        for row in rows:
            self.record(row, "delete")


class LogoHandler(SoftwareApiHandler):
    """`api/v1/software/<family>/logo`."""

    path = "software/{family}/logo"
    routine = True

    @operation(id="get_logo", right=READ_OF_GROUP, answer=_PICTURE)
    def get(self, family_id: str) -> None:
        """The logo of a software family; as a page of its own it can neither act nor load."""
        self.principal.check_own("read:servers")
        logo = self.services.logos.find(self.principal.user, family_id)
        self.set_header("Content-Type", logo.media_type)
        self.set_header("Content-Security-Policy", LOGO_POLICY)
        # Another picture has another address.
        self.set_header("Cache-Control", "private, max-age=31536000, immutable")
        self.finish(logo.content)

    @operation(id="set_logo", right=CHANGE_OF_GROUP, body=_PICTURE, refuses=(409, 413, 422))
    def put(self, family_id: str) -> None:
        """Set the logo of a software family: the body of the request is the file."""
        self.principal.check_own("servers")
        self.services.logos.set(self.principal.user, family_id, self.request.body)

    @operation(id="delete_logo", right=CHANGE_OF_GROUP)
    def delete(self, family_id: str) -> None:
        """Remove the logo of a software family."""
        self.principal.check_own("servers")
        self.services.logos.delete(self.principal.user, family_id)


class DuplicateFamilyHandler(SoftwareApiHandler):
    """`api/v1/software/<family>/duplicate`."""

    path = "software/{family}/duplicate"

    @operation(
        id="duplicate_family",
        right=CHANGE_OF_GROUP,
        answer=WrittenVersion,
        status=201,
        refuses=(409,),
    )
    def post(self, family_id: str, query: DuplicateQuery, body: NewVersion) -> WrittenVersion:
        """Copy a version of any software family, the platform's, too."""
        self.principal.check_own("servers")
        library, user = self.services.library, self.principal.user
        row, dropped = duplicate_family(
            library, user, family_id, query.version, body.software_owner()
        )
        return self.view_copy(row, dropped)
