"""Whose software is: the platform's, a user's, or shared with a group."""

from dataclasses import dataclass
from typing import Literal

OwnerKind = Literal["platform", "user", "group"]


@dataclass(frozen=True)
class SoftwareOwner:
    """Whose a software family is; the configuration's are the platform's, which has no name."""

    kind: OwnerKind = "platform"
    name: str = ""


PLATFORM = SoftwareOwner()


@dataclass(frozen=True)
class VersionRecord:
    """What is kept of a version beside its entry: versions of users are rows of the database.

    `revision` grows with every change. `digest` is the one that the tag had when somebody looked
    it up last. `refused` says why the version can't be started; None where it can. `verdict` is
    what the image policy said last against the image, which is asked about anew at each start.
    """

    id: str | None = None
    revision: int | None = None
    digest: str | None = None
    refused: str | None = None
    verdict: str | None = None


NO_RECORD = VersionRecord()
