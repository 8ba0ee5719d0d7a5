"""Looks an image up: what a form needs to know of it before it is pulled."""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from rosetta_hub.background import gather_limited, spawn
from rosetta_hub.registries.client import FoundManifest, RegistryClient, Tags
from rosetta_hub.registries.errors import LookupsExceeded, RegistryRefused, RegistryUnavailable
from rosetta_hub.registries.manifests import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    ImageConfig,
    ImageManifest,
    Platform,
    parse_config,
    parse_manifest,
    parse_platforms,
)
from rosetta_hub.registries.references import Reference
from rosetta_hub.registries.refusals import Login

# Seconds of a whole look-up.
DEADLINE = 30.0
# Images whose descriptions are kept, and repositories whose tags are; those for so many seconds.
MOST_IMAGES = 500
MOST_REPOSITORIES = 200
TAGS_SECONDS = 60.0
# Manifests of an index that are asked for at once.
AT_ONCE = 4
# Look-ups of one user that may go on at once.
MOST_OF_USER = 4


@dataclass(frozen=True)
class ImageProblem:
    """What does not prevent the image from being named, and is told."""

    reason: str
    message: str


@dataclass(frozen=True)
class ImageArch:
    """One platform of an image; `size` is in bytes, compressed, as a pull transfers it."""

    os: str
    arch: str
    variant: str
    digest: str
    size: int


@dataclass(frozen=True)
class ImageDescription:
    """An image as its registry describes it.

    `digest` is the index's where there is one. `size`, `ports`, `labels`, `user`, `entrypoint` and
    `command` are those of Linux on amd64 where the image has it, else of its first platform.
    """

    reference: Reference
    digest: str
    tags: tuple[str, ...]
    archs: tuple[ImageArch, ...]
    size: int
    ports: tuple[int, ...]
    labels: Mapping[str, str]
    user: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    problems: tuple[ImageProblem, ...] = ()


@dataclass(frozen=True)
class _Content:
    """What a digest says, and always will."""

    archs: tuple[ImageArch, ...]
    config: ImageConfig
    size: int
    problems: tuple[ImageProblem, ...]


# Registry, repository, and either a digest or an account with its password.
_Key = tuple[str, ...]


class Lookup:
    """Descriptions of images; those of known digests cost one request.

    That request is made with the login of who asks, so nobody learns of an image from the cache
    that the registry would not show.
    """

    def __init__(self, client: RegistryClient) -> None:
        self.client = client
        self._contents: OrderedDict[_Key, _Content] = OrderedDict()
        self._tags: OrderedDict[_Key, tuple[float, Tags]] = OrderedDict()
        self._open: Counter[str] = Counter()

    @contextmanager
    def turn(self, user: str) -> Iterator[None]:
        """Count what a user looks up: slow registries must not take all of the service's time.

        Raises:
            LookupsExceeded: the user's earlier look-ups are not finished yet.
        """
        if self._open[user] >= MOST_OF_USER:
            raise LookupsExceeded("Wait until your other look-ups of images have finished.")
        self._open[user] += 1
        try:
            yield
        finally:
            self._open[user] -= 1
            # Without the names of those who look nothing up.
            self._open += Counter()

    async def digest(self, reference: Reference, login: Login | None = None) -> str:
        """The digest that the reference has now.

        Raises:
            RegistryRefused, RegistryUnavailable: see RegistryClient.
        """
        return await self.client.digest(reference, login)

    async def describe(self, reference: Reference, login: Login | None = None) -> ImageDescription:
        """The image, as who has the login may see it.

        Raises:
            RegistryRefused, RegistryUnavailable: see RegistryClient.
        """
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._describe(reference, login)
        except TimeoutError as error:
            message = f"{reference.host} is too slow to look the image up. Try again later."
            raise RegistryUnavailable(message) from error

    async def _describe(self, reference: Reference, login: Login | None) -> ImageDescription:
        digest = await self.client.digest(reference, login)
        tags = spawn(self._tags_of(reference, login), f"tags of {reference.name}")
        try:
            content = await self._content(reference.at(digest), login)
            names, problems = await tags
        finally:
            tags.cancel()
        return ImageDescription(
            reference=reference,
            digest=digest,
            tags=names,
            archs=content.archs,
            size=content.size,
            ports=content.config.ports,
            labels=content.config.labels,
            user=content.config.user,
            entrypoint=content.config.entrypoint,
            command=content.config.command,
            problems=(*content.problems, *problems),
        )

    async def _content(self, pinned: Reference, login: Login | None) -> _Content:
        key = (pinned.host, pinned.repository, pinned.target)
        if key in self._contents:
            self._contents.move_to_end(key)
            return self._contents[key]
        content = await self._read(pinned, login)
        self._contents[key] = content
        while len(self._contents) > MOST_IMAGES:
            self._contents.popitem(last=False)
        return content

    async def _read(self, pinned: Reference, login: Login | None) -> _Content:
        answer = await self.client.manifest(pinned, login)
        if answer.media_type in INDEX_TYPES:
            return await self._read_index(pinned, answer, login)
        if answer.media_type not in MANIFEST_TYPES:
            raise RegistryRefused(
                "not_an_image",
                f"{pinned.host} has {pinned.repository} in a format that is no image, or an old"
                " one. Push it again with a present program.",
            )
        manifest = parse_manifest(answer.document, pinned.host)
        config = await self._config(pinned, manifest, login)
        arch = ImageArch(config.os, config.arch, config.variant, answer.digest, manifest.size)
        return _Content((arch,), config, manifest.size, _problems_of(manifest, (arch,)))

    async def _read_index(
        self, pinned: Reference, index: FoundManifest, login: Login | None
    ) -> _Content:
        platforms = parse_platforms(index.document, pinned.host)
        outcomes = await gather_limited(
            AT_ONCE, lambda platform: self._platform(pinned, platform, login), platforms
        )
        present = [
            (platform, manifest)
            for platform, manifest in zip(platforms, outcomes, strict=True)
            if manifest is not None
        ]
        if not present:
            raise RegistryRefused(
                "not_an_image", f"{pinned.host} has no image for any platform in {pinned.name}."
            )
        archs = tuple(_image_arch(platform, manifest) for platform, manifest in present)
        usual = min(range(len(archs)), key=lambda number: _rank(archs[number]))
        manifest = present[usual][1]
        config = await self._config(pinned, manifest, login)
        return _Content(archs, config, manifest.size, _problems_of(manifest, archs))

    async def _platform(
        self, pinned: Reference, platform: Platform, login: Login | None
    ) -> ImageManifest | None:
        """The manifest of a platform; None where a mirror has not copied this one."""
        try:
            answer = await self.client.manifest(pinned.at(platform.descriptor.digest), login)
        except RegistryRefused as error:
            if error.reason == "not_found":
                return None
            raise
        return parse_manifest(answer.document, pinned.host)

    async def _config(
        self, pinned: Reference, manifest: ImageManifest, login: Login | None
    ) -> ImageConfig:
        document = await self.client.config(pinned, manifest.config, login)
        return parse_config(document, pinned.host)

    async def _tags_of(
        self, reference: Reference, login: Login | None
    ) -> tuple[tuple[str, ...], tuple[ImageProblem, ...]]:
        """The tags, which a registry need not tell."""
        account = (login.account, login.password) if login else ("", "")
        key = (reference.host, reference.repository, *account)
        asked_at, tags = self._tags.get(key, (0.0, None))
        if tags is None or time.monotonic() - asked_at > TAGS_SECONDS:
            try:
                tags = await self.client.tags(reference, login)
            except (RegistryRefused, RegistryUnavailable):
                message = f"{reference.host} does not list the tags of {reference.repository}."
                return (), (ImageProblem("no_tags", message),)
            self._tags[key] = (time.monotonic(), tags)
            while len(self._tags) > MOST_REPOSITORIES:
                self._tags.popitem(last=False)
        if tags.complete:
            return tags.names, ()
        message = f"Only the first {len(tags.names)} tags of {reference.repository} are listed."
        return tags.names, (ImageProblem("many_tags", message),)


def _image_arch(platform: Platform, manifest: ImageManifest) -> ImageArch:
    digest = platform.descriptor.digest
    return ImageArch(platform.os, platform.arch, platform.variant, digest, manifest.size)


def _rank(arch: ImageArch) -> tuple[bool, bool]:
    return (arch.os != "linux", arch.arch != "amd64")


def _problems_of(manifest: ImageManifest, archs: tuple[ImageArch, ...]) -> tuple[ImageProblem, ...]:
    problems = []
    if manifest.has_foreign_layers:
        message = (
            "Layers of this image are kept elsewhere (foreign layers), where its publisher says:"
            " not every engine gets them."
        )
        problems.append(ImageProblem("foreign_layers", message))
    if not any(arch.os == "linux" for arch in archs):
        systems = ", ".join(sorted({arch.os or "an unknown system" for arch in archs}))
        message = f"This image is for {systems}: resources here run images for Linux."
        problems.append(ImageProblem("not_linux", message))
    return tuple(problems)
