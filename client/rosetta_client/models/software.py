"""Models of the operations with the tag `software`.

Made by client/generate.py of the description of the API: do not edit.
"""

from dataclasses import dataclass
from typing import Any, Optional

from rosetta_client.models.common import (
    ComputingDefaults,
    ComputingLimits,
    ComputingTime,
    EngineView,
    Size,
)

LoginState = str


@dataclass(frozen=True)
class CredentialView:
    """A user's own account at a registry, as its user sees it."""

    host: str
    account: str
    state: LoginState
    message: str
    updated: str


@dataclass(frozen=True)
class DeniedStorage:
    """A storage that the user may not use; `request` is where access can be asked for."""

    name: str
    reason: str
    request: str


@dataclass(frozen=True)
class FamilyInterface:
    """What the interface of a software family speaks, such as `http`."""

    protocol: Optional[str]


@dataclass(frozen=True)
class FamilyOwner:
    """Whose a software family is: `kind` is `platform`, `user` or `group`."""

    kind: str
    name: str


@dataclass(frozen=True)
class VersionStorage:
    """A storage as a task of the version has it: `path` is in the container."""

    id: str
    name: str
    description: str
    path: str
    home: bool
    read_only: bool


@dataclass(frozen=True)
class VersionComputing:
    """A computing resource that runs the version, with the user's storages there.

    `support` is `native`, or `emulated` where the image is of another architecture.
    """

    id: str
    name: str
    description: str
    type: str
    wms: str
    auth_mode: str
    engines: list[EngineView]
    limits: ComputingLimits
    defaults: ComputingDefaults
    time: ComputingTime
    sizes: list[Size]
    extra_binds: list[str]
    support: str
    storages: list[VersionStorage]
    denied_storages: list[DeniedStorage]


@dataclass(frozen=True)
class UnavailableComputing:
    """A computing resource that does not run the version; `request` is as of storages."""

    id: str
    name: str
    reason: str
    request: str


@dataclass(frozen=True)
class FamilyVersion:
    """A version of a software family: `refused` says why it can't be started.

    `computing` are the resources that run it, `unavailable` those that do not.
    """

    tag: str
    default: bool
    image: str
    digest: Optional[str]
    id: Optional[str]
    revision: Optional[int]
    refused: Optional[str]
    computing: list[VersionComputing]
    unavailable: list[UnavailableComputing]


@dataclass(frozen=True)
class FamilyView:
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
    last_used: Optional[str]
    favourite: bool


@dataclass(frozen=True)
class FamilyList:
    """Software families, favourites first."""

    software: list[FamilyView]


@dataclass(frozen=True)
class FavouriteView:
    """Whether software is a favourite."""

    favourite: bool


@dataclass(frozen=True)
class HubSpaces:
    """The hub's own registry: where the user may push and pull, with a token of the hub."""

    host: str
    user: str
    spaces: list[str]


@dataclass(frozen=True)
class ImageArch:
    """One platform of an image; `size` is in bytes, compressed, as a pull transfers it."""

    os: str
    arch: str
    variant: str
    digest: str
    size: int


@dataclass(frozen=True)
class ImageProblem:
    """What does not prevent the image from being named, and is told."""

    reason: str
    message: str


@dataclass(frozen=True)
class ImageView:
    """An image as its registry describes it; sizes in bytes, compressed.

    Without `digest` in the reference, it is the one that the tag has now.
    """

    image: str
    registry: str
    image_name: str
    image_tag: Optional[str]
    digest: str
    tags: list[str]
    archs: list[ImageArch]
    size: int
    ports: list[int]
    labels: dict[str, str]
    user: str
    entrypoint: list[str]
    command: list[str]
    problems: list[ImageProblem]


@dataclass(frozen=True)
class Interface:
    """A further port of the container that users reach, as they do the main interface.

    The edge asks for the same access; the port answers when the software opens it, which may be
    long after the start. `path` is the page that is opened.
    """

    name: str
    port: int
    protocol: Optional[str] = None
    path: Optional[str] = None


@dataclass(frozen=True)
class OwnerView:
    """Whose software is."""

    kind: str
    name: str


@dataclass(frozen=True)
class NewVersion:
    """What is said of new software beside its entry: whose it is, and what was looked up."""

    owner: Optional[OwnerView] = None
    digest: Optional[str] = None


@dataclass(frozen=True)
class SiteRegistry:
    """A registry from which the site pulls for the user with an account of its own."""

    host: str


@dataclass(frozen=True)
class RegistriesView:
    """What the user has at registries."""

    accounts: list[CredentialView]
    site: list[SiteRegistry]
    hub: Optional[HubSpaces]


@dataclass(frozen=True)
class RegistryAccount:
    """Account and password, or access token, at a registry."""

    account: str
    password: str


@dataclass(frozen=True)
class SoftwareEntry:
    """Keys of c.Rosetta.software that users may set, and whose the software is."""

    name: str
    owner: Optional[OwnerView] = None
    digest: Optional[str] = None
    description: Optional[str] = None
    keywords: Optional[list[str]] = None
    registry: Optional[str] = None
    image_name: Optional[str] = None
    image_tag: Optional[str] = None
    image_digest: Optional[str] = None
    image_os: Optional[str] = None
    image_arch: Optional[str] = None
    image_archs: Optional[list[str]] = None
    interface_port: Optional[int] = None
    interface_protocol: Optional[str] = None
    interface_transport: Optional[str] = None
    interface_path: Optional[str] = None
    interface_auth: Optional[str] = None
    interface_auth_user: Optional[str] = None
    interfaces: Optional[list[Interface]] = None
    answer_timeout: Optional[int] = None
    supports_custom_interface_port: Optional[bool] = None
    supports_interface_auth: Optional[bool] = None
    default: Optional[bool] = None
    command: Optional[list[str]] = None
    environment: Optional[dict[str, str]] = None
    any_user: Optional[bool] = None
    home_path: Optional[str] = None


@dataclass(frozen=True)
class UpdateView:
    """A version by its tag: the digest that was recorded, and the one that the tag has now.

    `problem` says why the tag could not be looked up.
    """

    version: str
    recorded: str
    present: Optional[str] = None
    problem: Optional[str] = None
    moved: Optional[bool] = None


@dataclass(frozen=True)
class UpdateList:
    """The versions whose image is known, in the order of the software family."""

    updates: list[UpdateView]


@dataclass(frozen=True)
class VersionView:
    """One version: `entry` has what users may set, in the words of `c.Rosetta.software`.

    `digest` is what the tag was when it was looked up last. `refused` says why the version can't be
    started; null where it can. `build` is the id of the build that has made the image.
    """

    id: str
    family: str
    owner: OwnerView
    entry: dict[str, Any]
    digest: Optional[str]
    build: Optional[str]
    refused: Optional[str]
    revision: int
    created: str
    created_by: str
    updated: str
    updated_by: str


@dataclass(frozen=True)
class WrittenVersion:
    """A copy; `dropped` names the keys that are the administrator's, and that it has not."""

    id: str
    family: str
    owner: OwnerView
    entry: dict[str, Any]
    digest: Optional[str]
    build: Optional[str]
    refused: Optional[str]
    revision: int
    created: str
    created_by: str
    updated: str
    updated_by: str
    dropped: list[str]
