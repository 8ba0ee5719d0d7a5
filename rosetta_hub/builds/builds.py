"""Images of repositories: asked for, found again, waited for together, given up."""

import asyncio
import hashlib
import json
from datetime import datetime

from rosetta_hub.builds.builder import Builder, Image
from rosetta_hub.builds.links import RepositoryLink
from rosetta_hub.builds.recipe import packs_version
from rosetta_hub.builds.records import BuildRecords, new_build
from rosetta_hub.builds.settings import BuildSettings
from rosetta_hub.builds.source import RepositorySource, resolve
from rosetta_hub.builds.view import BuildView, view_build
from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.database.models_builds import Build, BuildState
from rosetta_hub.database.paging import Page, PageQuery
from rosetta_hub.errors import LimitReached, NotAllowed
from rosetta_hub.jobs.events import JobEvents
from rosetta_hub.tasks.logs import Logs


class Builds:
    """The builds of `c.Rosetta.builds`; there is one for each commit and way of building it."""

    def __init__(
        self, settings: BuildSettings, records: BuildRecords, builder: Builder, logs: Logs
    ) -> None:
        self.settings = settings
        self._records = records
        self._builder = builder
        self._logs = logs

    @property
    def events(self) -> JobEvents:
        """Changes of builds and of their logs, under the build's id."""
        return self._records.events

    def may_build(self, user: User) -> bool:
        """Whether the user may ask for builds."""
        groups = self.settings.groups
        return user.admin or not groups or bool(groups & user.groups)

    async def look_up(self, user: User, link: RepositoryLink) -> tuple[RepositorySource, bool]:
        """What a link means now, and whether its image is there already; nothing is asked for.

        Raises:
            NotAllowed, BuildRefused, Unavailable: see `request`.
        """
        self._check_right(user)
        source, key = await self._look_up(link)
        build = self._records.by_key(key)
        if build is None or build.state is not BuildState.DONE:
            return source, False
        return source, await self._is_there(build)

    async def request(
        self,
        user: User,
        link: RepositoryLink,
        again: bool = False,
        since: datetime | None = None,
    ) -> Build:
        """The build of what a link means now: a new one, one that goes on, or one that is done.

        A build that failed is not repeated unless its cause may have passed, or `again` is given.
        What the user has asked for `since` a time is the answer to the same request.

        Raises:
            NotAllowed: the user may not build.
            LimitReached: the user waits for too many builds.
            BuildRefused: see `source.resolve`.
            Unavailable: the repository's host, or the builder, does not answer.
        """
        self._check_right(user)
        source, key = await self._look_up(link)
        build = self._records.by_key(key)
        if build is not None and since and self._records.was_asked(build, user.name, since):
            return build
        if build is not None and build.state is BuildState.DONE and not await self._is_there(build):
            self._check_limit(user)
            return self._records.restart(build, user.name)
        # Nothing is waited for from here on, so that two requests never make two builds.
        build = self._records.by_key(key)
        if build is None:
            self._check_limit(user)
            return self._records.add(new_build(key, user.name, link, source))
        if _is_repeated(build, again):
            self._check_limit(user)
            return self._records.restart(build, user.name)
        if not build.state.final:
            self._check_limit(user)
        return self._records.join(build, user.name)

    def get(self, build_id: str, user: str) -> Build:
        """A build that the user has asked for.

        Raises:
            NotFound: there is none.
        """
        return self._records.find(build_id, user)

    def page(self, user: str, query: PageQuery) -> Page[Build]:
        """A page of the builds that a user has asked for, the last one first.

        Raises:
            InvalidOptions: the cursor is none of this list.
        """
        return self._records.page(user, query)

    def cancel(self, build_id: str, user: str) -> Build | None:
        """Stop waiting for a build, which ends with the last who waits; forget one that has ended.

        Returns the build where the user still has it.

        Raises:
            NotFound: there is none.
        """
        return self._records.leave(build_id, user)

    def view(self, build: Build) -> BuildView:
        """The build for the REST API."""
        return view_build(build, self._records.waiting(build), self._records.position(build))

    def log(self, build: Build, offset: int = 0) -> tuple[int, str]:
        """The output of the last attempt from a byte on, and where that begins."""
        text = self._logs.read(build.id, build.attempt).encode()
        first = self._logs.received(build.id, build.attempt) - len(text)
        start = min(max(offset, first), first + len(text))
        return start, text[start - first :].decode(errors="replace")

    async def _look_up(self, link: RepositoryLink) -> tuple[RepositorySource, str]:
        """What a link means now, and the key of its build."""
        source, base = await asyncio.gather(
            resolve(link, self.settings), self._builder.base_digest()
        )
        packs = packs_version(self.settings)
        return source, build_key(source, packs, base, self._builder.arch, link.port)

    async def _is_there(self, build: Build) -> bool:
        return await self._builder.has(Image(build.image, build.image_digest, build.image_size))

    def _check_right(self, user: User) -> None:
        if not self.may_build(user):
            raise NotAllowed("You may not build images. Ask the administrator.")

    def _check_limit(self, user: User) -> None:
        most = self.settings.waiting_per_user
        if self._records.waiting_of(user.name) >= most:
            raise LimitReached(
                f"You wait for {most} builds already. Wait for one of them, or cancel it."
            )


def build_key(
    source: RepositorySource, packs: str, base_digest: str, arch: str, port: int | None
) -> str:
    """What makes two builds the same, in hexadecimal."""
    parts = [source.provider, source.url, source.commit, packs, base_digest, arch, port]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _is_repeated(build: Build, again: bool) -> bool:
    if build.state is BuildState.FAILED:
        return again or build.transient
    return build.state is BuildState.CANCELLED
