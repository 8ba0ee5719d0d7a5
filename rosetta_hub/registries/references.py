"""References of images, as users write them: `ghcr.io/org/app:1.2`, `ubuntu`, with a digest."""

import re
from dataclasses import dataclass, replace

from rosetta_hub.catalogue.registries import DIGEST, DOCKER_HUB, TAG, registry_host
from rosetta_hub.registries.errors import RegistryRefused

# The OCI distribution specification, "Pulling manifests".
_REPOSITORY = re.compile(
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
)
_LONGEST = 512


@dataclass(frozen=True)
class Reference:
    """One image of one registry; `digest` counts where both are given."""

    host: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}" + (f"@{self.digest}" if self.digest else "")

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.host}/{self.repository}"

    @property
    def content(self) -> str:
        """The reference by digest alone: what is the same whatever its tag is."""
        return f"{self.name}@{self.digest}"

    @property
    def target(self) -> str:
        """What a registry is asked for: the digest, or the tag."""
        return self.digest or self.tag or "latest"

    def at(self, digest: str) -> "Reference":
        """The same image, pinned to a digest."""
        return replace(self, digest=digest)


def parse_reference(text: str) -> Reference:
    """The image that a text means, as docker reads it.

    A first part without dot, colon and `localhost` belongs to the repository, which is then Docker
    Hub's; its repositories without a slash are `library/…`. Without tag and digest it is `latest`.

    Raises:
        RegistryRefused: the text is no reference (`invalid_reference`).
    """
    rest = text.strip().removeprefix("docker://")
    if "://" in rest:
        raise _invalid("Write the image without http:// or https://")
    if len(rest) > _LONGEST:
        raise _invalid(f"The name of an image has at most {_LONGEST} characters")
    rest, at, digest = rest.partition("@")
    if at and not DIGEST.fullmatch(digest):
        raise _invalid("A digest is 'sha256:' and 64 hexadecimal digits")
    rest, tag = _split_tag(rest)
    host, repository = _split_host(rest)
    if not _REPOSITORY.fullmatch(repository) or len(repository) > 255:
        raise _invalid(
            "The name of an image has lowercase letters, digits and . _ - between slashes"
        )
    if tag is not None and not TAG.fullmatch(tag):
        raise _invalid("A tag has at most 128 letters, digits, dots, dashes and underscores")
    if tag is None and not at:
        tag = "latest"
    return Reference(host, repository, tag, digest if at else None)


def _split_tag(text: str) -> tuple[str, str | None]:
    name, colon, tag = text.rpartition(":")
    # The colon of a port is followed by the repository.
    return (name, tag) if colon and "/" not in tag else (text, None)


def _split_host(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        host, repository = DOCKER_HUB, text
    else:
        try:
            host, repository = registry_host(first), rest
        except ValueError as error:
            raise _invalid("The registry is a host, with its port where it has one") from error
    if host == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return host, repository


def _invalid(rule: str) -> RegistryRefused:
    return RegistryRefused("invalid_reference", f"{rule}, such as ghcr.io/org/app:1.2.")
