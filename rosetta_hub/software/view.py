"""Versions of users' software as pages and the REST API show them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.database.models_software import UserSoftware
from rosetta_hub.software.library import Library
from rosetta_hub.software.rules import USER_KEYS


class OwnerView(BaseModel):
    """Whose software is."""

    kind: Literal["user", "group"]
    name: str


class VersionView(BaseModel):
    """One version: `entry` has what users may set, in the words of `c.Rosetta.software`.

    `digest` is what the tag was when it was looked up last. `refused` says why the version can't be
    started; null where it can. `build` is the id of the build that has made the image.
    """

    id: str
    family: str
    owner: OwnerView
    entry: dict[str, Any]
    digest: str | None
    build: str | None
    refused: str | None
    revision: int
    created: datetime
    created_by: str
    updated: datetime
    updated_by: str


def view_version(row: UserSoftware, user: User, library: Library) -> VersionView:
    """The version as the user sees it."""
    return VersionView(
        id=row.id,
        family=row.family,
        owner=OwnerView(kind=row.owner_kind.value, name=row.owner),
        entry={key: value for key, value in row.entry.items() if key in USER_KEYS},
        digest=row.digest,
        build=row.build,
        refused=library.refusal(user, row),
        revision=row.revision,
        created=row.created,
        created_by=row.created_by,
        updated=row.updated,
        updated_by=row.updated_by,
    )
