"""`api/v1/software`: the catalogue of the principal, and the software that users add to it.

Software is the principal's own, or a group's, all of whose members use, edit and delete it;
everybody else is told that it does not exist, admins, too. The token needs the hub's scope
`servers` of the principal to change something, and `read:servers` to read it.
"""

import re
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.catalogue.software import DIGEST
from rosetta_hub.catalogue.software_owner import SoftwareOwner
from rosetta_hub.database.models_software import OwnerKind, UserSoftware
from rosetta_hub.errors import InvalidOptions
from rosetta_hub.software.cards import image_of, software_of
from rosetta_hub.software.duplicates import duplicate_card, duplicate_version
from rosetta_hub.software.errors import ChangedMeanwhile, RevisionMissing
from rosetta_hub.software.view import OwnerView, VersionView, view_version
from rosetta_hub.web.bodies import parse_body
from rosetta_hub.web.cards import cards_for
from rosetta_hub.web.conditional import parse_etags, quote_etag
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.problem import describe_error

# Of the picture as a page of its own; within another page it is only shown.
LOGO_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

_REVISION = re.compile(r"[1-9][0-9]{0,17}")


class NewVersion(BaseModel):
    """What is said of new software beside its entry: whose it is, and what was looked up."""

    model_config = ConfigDict(extra="forbid")

    owner: OwnerView | None = None
    digest: str | None = Field(default=None, pattern=DIGEST)

    def software_owner(self) -> SoftwareOwner | None:
        """The owner that was named; None for the principal."""
        return SoftwareOwner(self.owner.kind, self.owner.name) if self.owner else None


class SoftwareApiHandler(HubHandler):
    """What the handlers of this module share."""

    def split_body(self) -> tuple[dict[str, Any], NewVersion]:
        """The keys of the entry, and what the body says besides.

        Raises:
            InvalidOptions: the body can't be used.
        """
        body = self.json_body()
        other = {key: body.pop(key) for key in NewVersion.model_fields if key in body}
        return body, parse_body(NewVersion, other)

    def answer_written(self, row: UserSoftware, status: int = 200, **besides: Any) -> None:
        """Send a version that is new or changed; the image policy is asked about it meanwhile."""
        if software := software_of(row):
            note = partial(self.services.library.note_digest, row.id, row.revision)
            self.services.image_policy.ask_soon(row.card, software, self.principal.user, note)
        self.record(row, "change" if status == 200 else "add")
        self.answer_version(row, status, **besides)

    def record(self, row: UserSoftware, change: str) -> None:
        """Write down that software was changed, and which image it names."""
        detail = {"change": change, "version": row.id, "image": image_of(row)}
        if row.owner_kind is OwnerKind.GROUP:
            detail["group"] = row.owner
        self.audit(AuditEvent.SOFTWARE_CHANGE, target=row.card, detail=detail)

    def answer_version(self, row: UserSoftware, status: int = 200, **besides: Any) -> None:
        """Send a version, its revision as its entity tag."""
        self.set_header("ETag", quote_etag(str(row.revision)))
        self.answer({**self.version_document(row), **besides}, status)

    def version_document(self, row: UserSoftware) -> dict[str, Any]:
        """The version as JSON."""
        return self.version_view(row).model_dump(mode="json")

    def version_view(self, row: UserSoftware) -> VersionView:
        """The version as the principal sees it."""
        return view_version(row, self.principal.user, self.services.library)

    def revision(self) -> int:
        """The revision that the principal has read, of `If-Match`.

        Raises:
            RevisionMissing: there is none.
        """
        tags = parse_etags(self.request.headers.get("If-Match", "")) or []
        if len(tags) != 1 or not _REVISION.fullmatch(tags[0][0]):
            raise RevisionMissing(
                "The request does not say which revision it changes. Send the ETag that came with"
                " the version as If-Match."
            )
        return int(tags[0][0])

    def answer_changed(self, error: ChangedMeanwhile) -> None:
        """Tell that somebody else was faster, with what there is now."""
        self.set_header("ETag", quote_etag(str(error.row.revision)))
        problem = describe_error(error, error.status)
        self.answer_problem(problem.with_members(version=self.version_document(error.row)))


class SoftwareHandler(SoftwareApiHandler):
    """`api/v1/software`: all cards of the principal, and new software."""

    renews_rights = True

    def get(self) -> None:
        """All cards: the platform's, the principal's own and those of the principal's groups."""
        self.answer({"software": cards_for(self.services, self.principal.user)})

    def post(self) -> None:
        """Add software: the keys of an entry, and the `owner` where it is a group."""
        self.principal.check_own("servers")
        entry, new = self.split_body()
        row = self.services.library.add(
            self.principal.user, entry, new.software_owner(), digest=new.digest
        )
        self.answer_written(row, 201)


class VersionHandler(SoftwareApiHandler):
    """`api/v1/software/versions/<id>`."""

    renews_rights = True

    def get(self, version_id: str) -> None:
        """The version."""
        self.principal.check_own("read:servers")
        self.answer_version(self.services.library.find(self.principal.user, version_id))

    def put(self, version_id: str) -> None:
        """Replace the entry; 412 with the present version where somebody else was faster."""
        self.principal.check_own("servers")
        library, user = self.services.library, self.principal.user
        # Whether it is the principal's at all goes before what is wrong with the request.
        row = library.find(user, version_id)
        revision = self.revision()
        entry, new = self.split_body()
        if new.owner and new.software_owner() != SoftwareOwner(row.owner_kind.value, row.owner):
            raise InvalidOptions(
                "Software keeps its owner. Duplicate it to give it to another one."
            )
        try:
            row = library.change(user, version_id, revision, entry, new.digest)
        except ChangedMeanwhile as error:
            self.answer_changed(error)
        else:
            self.answer_written(row)

    def delete(self, version_id: str) -> None:
        """Delete the version; tasks that run go on."""
        self.principal.check_own("servers")
        library, user = self.services.library, self.principal.user
        row = library.find(user, version_id)
        try:
            library.delete(user, version_id, self.revision())
        except ChangedMeanwhile as error:
            self.answer_changed(error)
        else:
            self.record(row, "delete")
            self.answer({})


class DuplicateVersionHandler(SoftwareApiHandler):
    """`api/v1/software/versions/<id>/duplicate`."""

    def post(self, version_id: str) -> None:
        """Copy a version to a card of its own, of the principal or of the `owner` in the body."""
        self.principal.check_own("servers")
        owner = parse_body(NewVersion, self.json_body()).software_owner()
        row = duplicate_version(self.services.library, self.principal.user, version_id, owner)
        self.answer_written(row, 201, dropped=[])


class CardHandler(SoftwareApiHandler):
    """`api/v1/software/<card>`."""

    renews_rights = True

    def delete(self, card: str) -> None:
        """Delete all versions of a card; tasks that run go on."""
        self.principal.check_own("servers")
        library, user = self.services.library, self.principal.user
        rows = library.versions(user, card)
        library.delete_card(user, card)
        for row in rows:
            self.record(row, "delete")
        self.answer({})


class LogoHandler(SoftwareApiHandler):
    """`api/v1/software/<card>/logo`."""

    routine = True

    def get(self, card: str) -> None:
        """The picture, which can neither act nor load anything."""
        self.principal.check_own("read:servers")
        logo = self.services.logos.find(self.principal.user, card)
        self.set_header("Content-Type", logo.media_type)
        self.set_header("Content-Security-Policy", LOGO_POLICY)
        # Another picture has another address.
        self.set_header("Cache-Control", "private, max-age=31536000, immutable")
        self.finish(logo.content)

    def put(self, card: str) -> None:
        """Set the picture: the body of the request is the file."""
        self.principal.check_own("servers")
        self.services.logos.set(self.principal.user, card, self.request.body)
        self.answer({})

    def delete(self, card: str) -> None:
        """Remove the picture."""
        self.principal.check_own("servers")
        self.services.logos.delete(self.principal.user, card)
        self.answer({})


class DuplicateCardHandler(SoftwareApiHandler):
    """`api/v1/software/<card>/duplicate`."""

    def post(self, card: str) -> None:
        """Copy a version (`?version=`, a tag) of any card, the platform's, too.

        `dropped` names the keys that are the administrator's, and that the copy has not.
        """
        self.principal.check_own("servers")
        owner = parse_body(NewVersion, self.json_body()).software_owner()
        tag = self.get_query_argument("version", None)
        row, dropped = duplicate_card(self.services.library, self.principal.user, card, tag, owner)
        self.answer_written(row, 201, dropped=dropped)


def software_routes(
    prefix: str, arguments: dict[str, Any]
) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    software = rf"{prefix}api/v1/software"
    version = rf"{software}/versions/([0-9a-f]{{12}})"
    return [
        (software, SoftwareHandler, arguments),
        (version, VersionHandler, arguments),
        (rf"{version}/duplicate", DuplicateVersionHandler, arguments),
        (rf"{software}/([^/]+)", CardHandler, arguments),
        (rf"{software}/([^/]+)/logo", LogoHandler, arguments),
        (rf"{software}/([^/]+)/duplicate", DuplicateCardHandler, arguments),
    ]
