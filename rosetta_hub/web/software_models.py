"""What requests about software carry, and what they are answered."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, create_model

from rosetta_hub.catalogue.computing_view import ComputingView
from rosetta_hub.catalogue.software import DIGEST, Software
from rosetta_hub.catalogue.software_owner import SoftwareOwner
from rosetta_hub.software.rules import USER_KEYS
from rosetta_hub.software.view import OwnerView, VersionView
from rosetta_hub.web.bodies import RequestModel


class NewVersion(RequestModel):
    """What is said of new software beside its entry: whose it is, and what was looked up."""

    owner: OwnerView | None = None
    digest: str | None = Field(default=None, pattern=DIGEST)

    def software_owner(self) -> SoftwareOwner | None:
        """The owner that was named; None for the principal."""
        return SoftwareOwner(self.owner.kind, self.owner.name) if self.owner else None


def _entry_fields() -> dict[str, Any]:
    """The keys of an entry: only the name has to be there, `c.Rosetta.software` says the rest."""
    fields = {key: Software.model_fields[key] for key in USER_KEYS}
    return {
        key: (field.annotation, field if key == "name" or not field.is_required() else None)
        for key, field in fields.items()
    }


SoftwareEntry = create_model(
    "SoftwareEntry",
    __base__=NewVersion,
    __doc__="Keys of c.Rosetta.software that users may set, and whose the software is.",
    **_entry_fields(),
)


class FamilyOwner(BaseModel):
    """Whose a software family is: `kind` is `platform`, `user` or `group`."""

    kind: str
    name: str


class FamilyInterface(BaseModel):
    """What the interface of a software family speaks, such as `http`."""

    protocol: str | None


class VersionStorage(BaseModel):
    """A storage as a task of the version has it: `path` is in the container."""

    id: str
    name: str
    description: str
    path: str
    home: bool
    read_only: bool


class DeniedStorage(BaseModel):
    """A storage that the user may not use; `request` is where access can be asked for."""

    name: str
    reason: str
    request: str


class VersionComputing(ComputingView):
    """A computing resource that runs the version, with the user's storages there.

    `support` is `native`, or `emulated` where the image is of another architecture.
    """

    support: str
    storages: list[VersionStorage]
    denied_storages: list[DeniedStorage]


class UnavailableComputing(BaseModel):
    """A computing resource that does not run the version; `request` is as of storages."""

    id: str
    name: str
    reason: str
    request: str


class FamilyVersion(BaseModel):
    """A version of a software family: `refused` says why it can't be started.

    `computing` are the resources that run it, `unavailable` those that do not.
    """

    tag: str
    default: bool
    image: str
    digest: str | None
    id: str | None
    revision: int | None
    refused: str | None
    computing: list[VersionComputing]
    unavailable: list[UnavailableComputing]


class FamilyView(BaseModel):
    """A software family: its `versions`, and the `computing` resources that run one of them.

    `logo` and `screenshot` are addresses of pictures, or empty. `uses` and `last_used` tell how
    often the user has started it.
    """

    id: str
    name: str
    description: str
    logo: str
    screenshot: str
    kind: str
    tags: list[str]
    owner: FamilyOwner
    editable: bool
    interface: FamilyInterface
    computing: list[str]
    versions: list[FamilyVersion]
    uses: int
    last_used: datetime | None
    favourite: bool


class FamilyList(BaseModel):
    """Software families, favourites first."""

    software: list[FamilyView]


class WrittenVersion(VersionView):
    """A copy; `dropped` names the keys that are the administrator's, and that it has not."""

    dropped: list[str]


class DuplicateQuery(RequestModel):
    """Which version is copied."""

    version: str | None = Field(default=None, description="A tag; without it the default version")
