"""A builder that is a program of the agent's: on this machine, or on a host over SSH."""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rosetta_agent.files.frames import DATA, JSON
from rosetta_hub.builds.builder import BuildFailed, BuildProgress, Image
from rosetta_hub.builds.context import PIECE, pack_context
from rosetta_hub.builds.images import ImageStore
from rosetta_hub.builds.recipe import Recipe
from rosetta_hub.builds.settings import BuildSettings
from rosetta_hub.errors import ResourceUnavailable
from rosetta_hub.files.channel import Channel, StorageUnavailable

# Seconds.
CALL_TIMEOUT = 60.0
BASE_TIMEOUT = 1800.0
# What a build may take beyond its own time: unpacking, storing, cleaning up.
MARGIN = 3600.0
# How long the digest of the base image counts.
BASE_KEPT = 60.0

OpenChannel = Callable[[], Awaitable[Channel]]


class ProgramBuilder:
    """See `rosetta_hub.builds.builder.Builder`. `open_channel` starts the program."""

    def __init__(
        self, settings: BuildSettings, open_channel: OpenChannel, arch: str, store: ImageStore
    ) -> None:
        self.arch = arch
        self._settings = settings
        self._open_channel = open_channel
        self._store = store
        self._base = ""
        self._base_until = 0.0
        self._base_lock = asyncio.Lock()

    async def base_digest(self) -> str:
        """The id of the base image, which is fetched if the builder does not have it."""
        async with self._base_lock:
            if time.monotonic() >= self._base_until:
                request = {"verb": "base", "image": self._settings.base_image}
                document = await self._ask(request, BASE_TIMEOUT)
                self._base, self._base_until = document["digest"], time.monotonic() + BASE_KEPT
        return self._base

    async def build(
        self,
        build_id: str,
        name: str,
        recipe: Recipe,
        context: Path,
        tell: Callable[[BuildProgress], None],
    ) -> Image:
        """See Builder."""
        request = {
            "verb": "build",
            "id": build_id,
            "tag": self._store.reference(name),
            "dockerfile": recipe.dockerfile_path,
            "base_image": recipe.base_image,
            "build_args": {**self._settings.build_args, **recipe.build_args},
            "push": self._store.push_document(),
        }
        with tempfile.TemporaryFile(dir=context.parent) as archive:
            await asyncio.to_thread(pack_context, context, archive)
            async with self._request(request, self._settings.time + MARGIN) as channel:
                while piece := archive.read(PIECE):
                    await channel.send(DATA, piece)
                await channel.send(DATA, b"")
                document = await _receive(channel, tell)
        return Image(document["image"], document["digest"], document.get("size"))

    async def clean_up(self, build_id: str) -> None:
        """See Builder."""
        await self._ask({"verb": "clean", "id": build_id}, CALL_TIMEOUT)

    async def has(self, image: Image) -> bool:
        """See Builder."""
        if self._store.is_registry:
            return await self._store.registry_has(image)
        document = await self._ask({"verb": "find", "image": image.reference}, CALL_TIMEOUT)
        return document.get("digest") == image.digest

    async def remove(self, image: Image) -> None:
        """See Builder."""
        await self._ask({"verb": "remove", "image": image.reference}, CALL_TIMEOUT)

    async def check(self) -> dict[str, Any]:
        """What `rosetta-hub check` shows: `version` of the engine, and which limits are `missing`.

        Raises:
            BuildFailed: the engine does not work.
        """
        return await self._ask({"verb": "check"}, CALL_TIMEOUT)

    async def _ask(self, request: dict[str, Any], timeout: float) -> dict[str, Any]:
        async with self._request(request, timeout) as channel:
            return await _receive(channel, lambda _: None)

    @asynccontextmanager
    async def _request(self, request: dict[str, Any], timeout: float) -> AsyncIterator[Channel]:
        """A channel to the program, which carries out the request; it ends with the block."""
        document = {**self._bounds(), **request}
        try:
            async with asyncio.timeout(timeout):
                channel = await self._open_channel()
                try:
                    await channel.send(JSON, json.dumps(document).encode("ascii"))
                    yield channel
                finally:
                    channel.close()
                    # Also where the request is cancelled: the next attempt finds nothing then.
                    await asyncio.shield(channel.wait_closed())
        except StorageUnavailable as error:
            raise ResourceUnavailable(f"The builder does not answer: {error}") from error
        except TimeoutError as error:
            raise ResourceUnavailable("The builder does not answer. Try again later.") from error

    def _bounds(self) -> dict[str, Any]:
        settings = self._settings
        return {
            "engine": settings.engine,
            "runtime": settings.runtime,
            "keep_in": settings.image_engine,
            "directory": settings.directory,
            "time": settings.time,
            "cpus": settings.cpus,
            "memory": settings.memory,
            "processes": settings.processes,
            "disk": settings.disk,
            "log": settings.log,
            "network": settings.network,
            "networks": list(settings.allow_networks),
            "loopback_ports": sorted(settings.allow_loopback_ports),
            "allow_weaker": sorted(settings.allow_weaker),
            "binds": settings.binds,
        }


async def _receive(channel: Channel, tell: Callable[[BuildProgress], None]) -> dict[str, Any]:
    """The answer to a request; what is told before it goes to `tell`.

    Raises:
        BuildFailed: the program has refused, or the build has failed.
    """
    while True:
        document: dict[str, Any] = json.loads((await channel.receive()).payload)
        if document.get("done"):
            return document
        if "error" in document:
            raise BuildFailed(
                document.get("message") or document["error"],
                document.get("step", ""),
                tuple(document.get("tail", ())),
                bool(document.get("transient")),
            )
        tell(
            BuildProgress(
                log=document.get("log", ""),
                step=document.get("step"),
                steps=document.get("steps"),
                pushing=bool(document.get("pushing")),
            )
        )
