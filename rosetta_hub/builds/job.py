"""One build from its beginning to its end; whatever cuts it off, it begins again from the start."""

import asyncio
import contextlib
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rosetta_hub.builds.builder import Builder, BuildFailed, BuildProgress, Image
from rosetta_hub.builds.checkout import check_out
from rosetta_hub.builds.images import image_name
from rosetta_hub.builds.recipe import Recipe, make_recipe, write_context
from rosetta_hub.builds.records import BuildRecords, end, source_of
from rosetta_hub.builds.settings import BuildSettings
from rosetta_hub.builds.view import RecipeView
from rosetta_hub.catalogue.units import format_size
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_builds import Build, BuildState
from rosetta_hub.errors import NotFound, ResourceUnavailable, Unavailable, UserError
from rosetta_hub.tasks.logs import Logs

# Seconds between two writes of the step, and the bytes of log that are written at once.
INTERVAL = 0.3


class BuildJobs:
    """Works on builds, one call of `work` each. `folder` holds checkouts while they are used."""

    def __init__(
        self,
        settings: BuildSettings,
        records: BuildRecords,
        builder: Builder,
        logs: Logs,
        folder: Path,
    ) -> None:
        self._settings = settings
        self._records = records
        self._builder = builder
        self._logs = logs
        self._folder = folder
        records.remove_log = self._remove_log

    async def work(self, build: Build) -> None:
        """Bring a build to its end.

        Raises:
            Unavailable: the builder, or the repository's host, does not answer: call again later.
            NotFound: the row was removed.
        """
        if build.cancelling:
            await self._clean_up(build)
            self._end(build, BuildState.CANCELLED, "Cancelled.")
            return
        build = self._records.update(build.id, _begin)
        self._logs.keep_two(build.id, build.attempt)
        self._records.update(build.id, await self._try(build))
        await self._make_room()

    def _remove_log(self, build: Build) -> None:
        self._logs.remove(build.id, build.attempt)

    async def _try(self, build: Build) -> Callable[[Build], None]:
        """Build it, and leave nothing here; returns how the row ends."""
        # Of this attempt alone: what cuts an attempt off leaves its directory to be removed later.
        folder = self._folder / f"{build.id}-{build.attempt}"
        try:
            await asyncio.to_thread(_empty, folder)
            image = await self._build(build, folder)
        except BuildFailed as error:
            return partial(_fail, error=error)
        except UserError as error:
            return partial(end, state=BuildState.FAILED, message=str(error))
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, True))
        return partial(_finish, image=image, arch=self._builder.arch)

    async def _build(self, build: Build, folder: Path) -> Image:
        place = folder / "checkout"
        place.mkdir()
        checkout = await check_out(source_of(build), place, self._settings)
        recipe = await make_recipe(checkout.folder, self._settings, self._settings.account)
        context = folder / "context"
        context.mkdir()
        await asyncio.to_thread(write_context, recipe, checkout.folder, context)
        notes = (*checkout.notes, *recipe.notes)
        self._records.update(build.id, partial(_note_recipe, recipe=recipe, notes=notes))
        reporter = Reporter(self._records, self._logs, build)
        name = image_name(build.repository, build.key)
        try:
            image = await self._builder.build(build.id, name, recipe, context, reporter.tell)
        finally:
            reporter.flush()
        return image

    def _end(self, build: Build, state: BuildState, message: str) -> None:
        self._records.update(build.id, lambda row: end(row, state, message))

    async def _clean_up(self, build: Build) -> None:
        """Remove what an attempt left; the next build does it where the builder is away now."""
        with contextlib.suppress(BuildFailed, ResourceUnavailable):
            await self._builder.clean_up(build.id)

    async def _make_room(self) -> None:
        """Remove the images that nobody used for longest, until all have what they may have."""
        if self._settings.registry:
            return
        builds = self._records.done()
        size = sum(build.image_size or 0 for build in builds)
        for build in builds[:-1]:
            if size <= self._settings.keep:
                return
            size -= build.image_size or 0
            with contextlib.suppress(BuildFailed, Unavailable, NotFound):
                await self._builder.remove(Image(build.image, build.image_digest, build.image_size))
                self._records.forget(build)


class Reporter:
    """Keeps what a builder tells: the log, and the step that goes on."""

    def __init__(self, records: BuildRecords, logs: Logs, build: Build) -> None:
        self._records = records
        self._logs = logs
        self._build = build
        self._changes: list[Callable[[Build], None]] = []
        self._text: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def tell(self, progress: BuildProgress) -> None:
        """Take news, which are written a moment later together with others."""
        if progress.log:
            self._text.append(progress.log)
        if progress.step is not None:
            self._changes.append(partial(_note_step, step=progress.step, steps=progress.steps))
        if progress.pushing:
            self._changes.append(_note_pushing)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._flush_later)

    def flush(self) -> None:
        """Write what has come so far."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        changes, text = self._changes, "".join(self._text)
        self._changes, self._text = [], []
        if text:
            attempt = self._build.attempt
            self._logs.append(
                self._build.id, attempt, self._logs.received(self._build.id, attempt), text
            )
        if changes:
            self._records.update(self._build.id, partial(_apply, changes=changes))
        elif text:
            self._records.events.publish(self._build.id, self._build.id)

    def _flush_later(self) -> None:
        with contextlib.suppress(NotFound, Unavailable):
            self.flush()


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Repositories are fetched and read by an account of their own, which has to get here.
    folder.chmod(0o711)


def _begin(build: Build) -> None:
    build.state, build.message = BuildState.CLONING, ""
    build.attempt += 1
    build.started = build.started or utc_now()
    build.step = build.steps = None
    build.failed_step, build.log_tail = "", []


def _note_recipe(build: Build, recipe: Recipe, notes: tuple[str, ...]) -> None:
    build.state = BuildState.BUILDING
    build.recipe = RecipeView(
        pack=recipe.pack,
        version=recipe.version,
        port=build.port or recipe.port,
        interface_auth=recipe.interface_auth,
        command=list(recipe.command),
        notes=list(notes),
    ).model_dump()


def _note_step(build: Build, step: int, steps: int | None) -> None:
    build.step, build.steps = step, steps


def _note_pushing(build: Build) -> None:
    build.state = BuildState.PUSHING


def _apply(build: Build, changes: list[Callable[[Build], None]]) -> None:
    if not build.state.final:
        for change in changes:
            change(build)


def _fail(build: Build, error: BuildFailed) -> None:
    build.failed_step, build.log_tail = error.step, list(error.tail)
    end(build, BuildState.FAILED, str(error), transient=error.transient)


def _finish(build: Build, image: Image, arch: str) -> None:
    build.image, build.image_digest, build.image_size = image.reference, image.digest, image.size
    build.image_arch = arch
    size = f" ({format_size(image.size)})" if image.size else ""
    end(build, BuildState.DONE, f"The image is ready{size}.")
