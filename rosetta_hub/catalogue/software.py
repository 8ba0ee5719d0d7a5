"""Software: what can be run, with the attributes of the paper's Container model (section 3.1)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from rosetta_hub.catalogue.bind_paths import check_target
from rosetta_hub.catalogue.engines import canonical_engine
from rosetta_hub.catalogue.interfaces import MOST_INTERFACES, Interface, check_interfaces
from rosetta_hub.catalogue.registries import TAG
from rosetta_hub.catalogue.restricted import RestrictedEntry
from rosetta_hub.catalogue.software_owner import (
    NO_RECORD,
    PLATFORM,
    SoftwareOwner,
    VersionRecord,
)
from rosetta_hub.catalogue.validation import (
    OPTIONAL_ID_PATTERN,
    duplicates,
    load_entries,
    pattern,
)
from rosetta_hub.errors import ConfigError

SpawnerEnvironment = Literal["configured", "all", "none"]
InterfaceAuth = Literal["none", "jupyter", "basic", "password"]

HTTP_PROTOCOLS = frozenset({"http", "https"})
_SLUG = re.compile(r"[^a-z0-9]+")
# An image on a resource: a SIF file, a directory, or an archive; options of binds end at commas.
_FILE = re.compile(r"^(docker-archive:)?/[^\x00-\x20,]+$")


def is_image_file(name: str) -> bool:
    """Whether an `image_name` is a path on the resource, and not a name in a registry."""
    return _FILE.match(name) is not None


DIGEST = pattern(r"^sha256:[0-9a-f]{64}$", "write 'sha256:' and 64 hexadecimal digits")
_ARCH = pattern(
    r"^[a-z0-9_]{1,32}(/[a-z0-9]{1,16})?$", "write an architecture such as 'amd64' or 'arm64'"
)
_PROTOCOL = pattern(
    r"^[a-z][a-z0-9+-]{0,15}$", "write a protocol in lowercase, such as 'http', 'ssh' or 'vnc'"
)
_URL_PATH = pattern(r"^/[^\s]*$", "write a path that begins with / and has no spaces")
_PICTURE = pattern(
    r"^(/[^/\\\s]\S*|https://[^/\s]\S*)?$", "write an https address, or a path of this hub"
)
_ACCOUNT = pattern(r"^[A-Za-z0-9_.:-]+$", "write a user, or user:group, by name or number")


def _canonical_engines(names: frozenset[str]) -> frozenset[str]:
    return frozenset(map(canonical_engine, names))


def _check_home_path(text: str) -> str:
    return check_target(text) if text else ""


class Software(RestrictedEntry):
    """One version of one software: an OCI image, its interface and what it can do.

    `kind="native"` is the exception: it stands for a spawner class of the hub (`spawner_class`, a
    class or a name of one), started with its own configuration and `spawner_config`; image and
    interface are then not used.

    `logo` and `screenshot` are addresses of pictures.
    `interfaces` are further ports that users reach, beside that of `interface_port`.
    `image_archs` are the architectures for which the image is there; `image_arch` is the only one
    to use. Without both it is taken to fit everywhere. `engines` are the container engines that
    run it, all of them where it is empty.

    `home_path` is where the image wants its home directory, instead of where the storage says.
    `any_user`: the image runs under whatever uid it is given; `home_user`: the uid under which its
    software runs in the end, where it begins as root.
    """

    id: str = Field(default="", pattern=OPTIONAL_ID_PATTERN)
    name: str = Field(min_length=1, max_length=80)
    description: str = ""
    logo: str = ""
    screenshot: str = Field(default="", pattern=_PICTURE)
    keywords: tuple[str, ...] = ()
    kind: Literal["container", "native"] = "container"

    registry: str = ""
    image_name: str = ""
    image_tag: str = "latest"
    image_arch: str | None = None
    image_archs: tuple[Annotated[str, Field(pattern=_ARCH)], ...] = Field(default=(), max_length=64)
    image_os: str = "linux"
    image_digest: str | None = Field(default=None, pattern=DIGEST)
    pull: Literal["missing", "always", "never"] = "missing"
    engines: Annotated[frozenset[str], AfterValidator(_canonical_engines)] = frozenset()

    interface_port: int = Field(default=8888, ge=1, le=65535)
    interface_protocol: str = Field(default="http", pattern=_PROTOCOL)
    interface_transport: Literal["tcp"] = "tcp"
    interface_path: str = Field(default="/", pattern=_URL_PATH)
    interface_auth: InterfaceAuth = "none"
    interface_auth_user: str = "metauser"
    supports_custom_interface_port: bool = False
    supports_interface_auth: bool = False
    answer_timeout: int = Field(default=120, ge=1, le=86400)
    interfaces: tuple[Interface, ...] = Field(default=(), max_length=MOST_INTERFACES)

    computing: frozenset[str] = frozenset()
    default: bool = False

    command: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    spawner_environment: SpawnerEnvironment = "configured"
    container_user: str | None = Field(default=None, pattern=_ACCOUNT)
    any_user: bool = False
    home_user: int | None = Field(default=None, ge=0, lt=1 << 32)
    home_path: Annotated[str, AfterValidator(_check_home_path)] = ""
    add_capabilities: tuple[str, ...] = ()
    new_privileges: bool = False
    read_only_root: bool = False
    pids: int = Field(default=1024, ge=16)

    spawner_class: str | type = ""
    spawner_config: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _no_tag_of_files(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and is_image_file(str(value.get("image_name"))):
            return {"image_tag": "", **value}
        return value

    @field_validator("image_name", "registry")
    @classmethod
    def _image_part(cls, value: str) -> str:
        if is_image_file(value):
            return value
        # A leading dash would be read as an option by an engine's command line.
        if value and not re.fullmatch(r"[A-Za-z0-9/][A-Za-z0-9._:/-]*", value):
            raise ValueError("letters, digits and . _ : / - are allowed, not starting with a dash")
        return value

    @field_validator("image_tag")
    @classmethod
    def _tag(cls, value: str) -> str:
        if value and not TAG.fullmatch(value):
            raise ValueError("a tag has letters, digits, dots, dashes and underscores")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind == "native":
            if not self.spawner_class:
                raise ValueError("a native entry needs 'spawner_class', e.g. 'simple'")
            return self
        if not self.image_name:
            raise ValueError("'image_name' is required")
        check_interfaces(self.interfaces, self.interface_port)
        if self.is_file and (self.registry or self.image_digest):
            raise ValueError("an image that is a file has neither 'registry' nor 'image_digest'")
        if not self.is_file and not self.image_tag:
            raise ValueError("'image_tag' is empty: leave it out for 'latest'")
        if self.interface_auth == "password" and not self.supports_interface_auth:
            raise ValueError(
                "interface_auth 'password' needs a container that protects itself:"
                " set 'supports_interface_auth' to True, and let it honour AUTH_PASS"
            )
        if self.is_http and self.interface_auth == "password":
            raise ValueError("interface_auth 'password' is for protocols other than HTTP")
        if not self.is_http and self.interface_auth in ("jupyter", "basic"):
            raise ValueError(f"interface_auth '{self.interface_auth}' is for HTTP interfaces only")
        if not self.is_http and self.interface_auth == "none":
            raise ValueError(
                f"nothing would protect a '{self.interface_protocol}' interface:"
                " set interface_auth to 'password'"
            )
        return self

    @property
    def is_file(self) -> bool:
        """Whether the image is a file or directory of the resource, which Singularity alone runs.

        Its tag is a label: it tells the versions of a family apart.
        """
        return is_image_file(self.image_name)

    @property
    def is_privileged(self) -> bool:
        """Whether the administrator lets its containers do more than others may."""
        return bool(self.add_capabilities or self.new_privileges or self.container_user)

    @property
    def is_http(self) -> bool:
        """Whether the edge can guard the interface itself."""
        return self.interface_protocol in HTTP_PROTOCOLS

    @property
    def repository(self) -> str:
        """Registry and image name, without tag: what the versions of a software share."""
        return f"{self.registry}/{self.image_name}" if self.registry else self.image_name

    @property
    def image(self) -> str:
        """The reference of the image, by digest where one is given (OCI distribution spec).

        Of a file it is the path, with `docker-archive:` in front of an archive.
        """
        if self.is_file:
            return self.image_name
        if self.image_digest:
            return f"{self.repository}@{self.image_digest}"
        return f"{self.repository}:{self.image_tag}"


@dataclass(frozen=True)
class SoftwareFamily:
    """Several versions (tags) of one image, shown as one card; the first version is the default.

    `records` has what is kept of versions besides, by tag.
    """

    id: str
    versions: tuple[Software, ...]
    owner: SoftwareOwner = PLATFORM
    records: Mapping[str, VersionRecord] = field(default_factory=dict)

    @property
    def default(self) -> Software:
        """The version that is chosen when none is named."""
        return next((version for version in self.versions if version.default), self.versions[0])

    def version(self, tag: str | None) -> Software | None:
        """The version of that tag, the default one for None, None when there is no such tag."""
        if tag is None:
            return self.default
        return next((version for version in self.versions if version.image_tag == tag), None)

    def record(self, version: Software) -> VersionRecord:
        """What is kept of a version beside its entry."""
        return self.records.get(version.image_tag, NO_RECORD)


def load_software(raw: Iterable[Mapping[str, Any]]) -> dict[str, SoftwareFamily]:
    """The catalogue by family id, in the order of the configuration.

    Entries of one image and one name are versions of one family. An entry without an id is called
    after its name.

    Raises:
        ConfigError: an entry is invalid, two families share an id, or a family has one tag twice.
    """
    grouped: dict[str, list[Software]] = {}
    for entry in load_entries("software", Software, raw):
        grouped.setdefault(entry.id or slug_of(entry.name), []).append(entry)
    for family_id, versions in grouped.items():
        _check_family(family_id, versions)
    return {
        family_id: SoftwareFamily(family_id, tuple(versions))
        for family_id, versions in grouped.items()
    }


def slug_of(name: str) -> str:
    """The name as the beginning of an id: lowercase letters, digits and single dashes."""
    return _SLUG.sub("-", name.lower()).strip("-") or "software"


def _check_family(family_id: str, versions: list[Software]) -> None:
    images = {(version.kind, "" if version.is_file else version.repository) for version in versions}
    if len(images) > 1:
        raise ConfigError(
            f"c.Rosetta.software: several entries are called {family_id!r} but are of different"
            " images. Give each an 'id' of its own; the versions of software are tags of one image."
        )
    if twice := duplicates(version.image_tag for version in versions):
        raise ConfigError(
            f"c.Rosetta.software: {family_id!r} has the image_tag {sorted(twice)} more than once."
            " Remove one entry, or give them different 'id's."
        )
