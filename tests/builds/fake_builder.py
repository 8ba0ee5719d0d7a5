"""A builder that makes nothing, and requests of alice and bob."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rosetta_hub.builds.builder import BuildProgress, Image
from rosetta_hub.builds.recipe import Recipe


@dataclass
class FakeBuilder:
    """Remembers what it was asked for; a build goes on until `until` is set."""

    arch: str = "amd64"
    base: str = "sha256:base"
    built: list[str] = field(default_factory=list)
    cleaned: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    images: dict[str, int] = field(default_factory=dict)
    until: asyncio.Event | None = None
    faults: list[Exception] = field(default_factory=list)

    async def base_digest(self) -> str:
        return self.base

    async def build(
        self,
        build_id: str,
        name: str,
        recipe: Recipe,
        context: Path,
        tell: Callable[[BuildProgress], None],
    ) -> Image:
        self.built.append(build_id)
        tell(BuildProgress(log="STEP 1/1: FROM base\n", step=1, steps=1))
        if self.until is not None:
            await self.until.wait()
        if self.faults:
            raise self.faults.pop(0)
        self.images[name] = 100
        return Image(name, "sha256:image", 100)

    async def clean_up(self, build_id: str) -> None:
        self.cleaned.append(build_id)

    async def has(self, image: Image) -> bool:
        return image.reference in self.images

    async def remove(self, image: Image) -> None:
        self.removed.append(image.reference)
        self.images.pop(image.reference, None)
