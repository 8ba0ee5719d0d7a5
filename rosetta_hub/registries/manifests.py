"""Manifests, indexes and configurations of images (OCI image specification), read with mistrust."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rosetta_hub.catalogue.registries import DIGEST
from rosetta_hub.database.external_text import fit_text
from rosetta_hub.registries.errors import RegistryRefused

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CONFIG_TYPES = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
ACCEPT = ", ".join((*INDEX_TYPES, *MANIFEST_TYPES))

MOST_PLATFORMS = 64
MOST_LAYERS = 1024
MOST_PORTS = 64
MOST_LABELS = 64
LONGEST_TEXT = 1000
# Bytes; no image is larger.
LARGEST = 1 << 50

_PORT = re.compile(r"([0-9]{1,5})(?:/(tcp|udp|sctp))?")
_WORD = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")


@dataclass(frozen=True)
class Descriptor:
    """A document or layer: where it is by its digest, and its size in bytes."""

    digest: str
    size: int
    media_type: str = ""


@dataclass(frozen=True)
class Platform:
    """What one manifest of an index is for."""

    os: str
    arch: str
    variant: str
    descriptor: Descriptor


@dataclass(frozen=True)
class ImageManifest:
    """One image of one platform: its configuration and its layers."""

    config: Descriptor
    size: int
    has_foreign_layers: bool


@dataclass(frozen=True)
class ImageConfig:
    """How an image is run: what its author has written into it."""

    os: str
    arch: str
    variant: str
    ports: tuple[int, ...]
    labels: Mapping[str, str]
    user: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]


def digest_of(content: bytes) -> str:
    """The digest of a document."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def check_content(content: bytes, digest: str, host: str) -> None:
    """Refuse content that is not what its digest says.

    Raises:
        RegistryRefused: it is something else (`wrong_content`).
    """
    if digest_of(content) != digest:
        raise RegistryRefused(
            "wrong_content",
            f"{host} sends something else than what {digest[:19]}… is. Nothing of it is used:"
            " tell the administrator of the registry.",
        )


def parse_document(content: bytes, host: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        RegistryRefused: it is something else (`invalid_answer`).
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _invalid(host, "which is not JSON") from error
    if not isinstance(document, dict):
        raise _invalid(host, "which is no JSON object")
    return document


def media_type_of(document: Mapping[str, Any], header: str) -> str:
    """The type of a manifest: the one that it holds, otherwise the header's."""
    own = document.get("mediaType")
    return own if isinstance(own, str) and own else header.partition(";")[0].strip()


def parse_platforms(document: Mapping[str, Any], host: str) -> tuple[Platform, ...]:
    """The images of an index, without what only belongs to one, such as attestations.

    Raises:
        RegistryRefused: it is malformed.
    """
    entries = _list(document, "manifests", host)
    if len(entries) > MOST_PLATFORMS:
        raise _invalid(host, f"with more than {MOST_PLATFORMS} platforms")
    platforms = (_platform(entry, host) for entry in entries)
    return tuple(platform for platform in platforms if platform is not None)


def parse_manifest(document: Mapping[str, Any], host: str) -> ImageManifest:
    """The manifest of one platform.

    Raises:
        RegistryRefused: it is malformed, or what it describes is no image that can be run.
    """
    config = _descriptor(document.get("config"), host)
    if config.media_type not in _CONFIG_TYPES:
        raise RegistryRefused(
            "not_an_image",
            "This is not a container image, but something else that the registry keeps:"
            f" {fit_text(config.media_type, 80) or 'it does not say what'}.",
        )
    entries = _list(document, "layers", host)
    if len(entries) > MOST_LAYERS:
        raise _invalid(host, f"with more than {MOST_LAYERS} layers")
    layers = [_descriptor(entry, host) for entry in entries]
    foreign = any(
        "foreign" in layer.media_type or "nondistributable" in layer.media_type or entry.get("urls")
        for layer, entry in zip(layers, entries, strict=True)
    )
    size = config.size + sum(layer.size for layer in layers)
    if size > LARGEST:
        raise _invalid(host, "whose layers are larger than any image")
    return ImageManifest(config, size, foreign)


def parse_config(document: Mapping[str, Any], host: str) -> ImageConfig:
    """The configuration of an image; texts are cut, what is malformed is left out.

    Raises:
        RegistryRefused: `config` of it is no object.
    """
    config = document.get("config") or {}
    if not isinstance(config, dict):
        raise _invalid(host, "whose configuration is malformed")
    return ImageConfig(
        os=_word(document.get("os")),
        arch=_word(document.get("architecture")),
        variant=_word(document.get("variant")),
        ports=_ports(config.get("ExposedPorts")),
        labels=_labels(config.get("Labels")),
        user=_text(config.get("User")),
        entrypoint=_texts(config.get("Entrypoint")),
        command=_texts(config.get("Cmd")),
    )


def _platform(entry: Any, host: str) -> Platform | None:
    descriptor = _descriptor(entry, host)
    raw = entry.get("platform")
    platform = raw if isinstance(raw, dict) else {}
    os_name, arch = _word(platform.get("os")), _word(platform.get("architecture"))
    if descriptor.media_type not in MANIFEST_TYPES or "unknown" in (os_name, arch):
        return None
    return Platform(os_name, arch, _word(platform.get("variant")), descriptor)


def _descriptor(entry: Any, host: str) -> Descriptor:
    if not isinstance(entry, dict):
        raise _invalid(host, "whose parts are not described")
    digest, size, media_type = (entry.get(key) for key in ("digest", "size", "mediaType"))
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise _invalid(host, "with a digest that is not of SHA-256")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= LARGEST:
        raise _invalid(host, "with a size that can't be")
    return Descriptor(digest, size, media_type if isinstance(media_type, str) else "")


def _list(document: Mapping[str, Any], key: str, host: str) -> list[Any]:
    entries = document.get(key)
    if not isinstance(entries, list):
        raise _invalid(host, f"without {key!r}")
    return entries


def _ports(raw: Any) -> tuple[int, ...]:
    matches = (_PORT.fullmatch(key) for key in raw) if isinstance(raw, dict) else ()
    ports = {int(match[1]) for match in matches if match and match[2] in (None, "tcp")}
    return tuple(sorted(port for port in ports if 0 < port < 65536))[:MOST_PORTS]


def _labels(raw: Any) -> dict[str, str]:
    items = list(raw.items()) if isinstance(raw, dict) else []
    return {
        _text(key, 200): _text(value)
        for key, value in items[:MOST_LABELS]
        if isinstance(value, str)
    }


def _texts(raw: Any) -> tuple[str, ...]:
    # A text is a command of a shell in old images.
    items = [raw] if isinstance(raw, str) else raw if isinstance(raw, list) else []
    return tuple(_text(item) for item in items[:LONGEST_TEXT] if isinstance(item, str))


def _text(raw: Any, length: int = LONGEST_TEXT) -> str:
    return fit_text(raw, length) if isinstance(raw, str) else ""


def _word(raw: Any) -> str:
    return raw if isinstance(raw, str) and _WORD.fullmatch(raw) else ""


def _invalid(host: str, what: str) -> RegistryRefused:
    return RegistryRefused("invalid_answer", f"{host} sends a description of the image {what}.")
