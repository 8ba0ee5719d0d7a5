"""The rows of builds and of those who wait for them; every change is told to the open pages."""

import secrets
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import delete, func, select, update

from rosetta_hub.builds.links import RepositoryLink
from rosetta_hub.builds.source import RepositorySource
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_builds import Build, BuildState, BuildUser
from rosetta_hub.database.paging import Order, Page, PageQuery
from rosetta_hub.errors import NotFound
from rosetta_hub.jobs.events import JobEvents

ABSENT = "There is no such build. It may have been removed from the list."
ACTIVE = [state for state in BuildState if not state.final]
_LAST_ASKED = Order(BuildUser.asked, Build.id, datetime, descending=True)


class BuildRecords:
    """Reads and changes builds; what it returns are snapshots.

    `wake` is called when there may be a build to begin, or one to end; `remove_log` with each build
    whose row has gone. Changes are told under the build's id.
    """

    def __init__(
        self, database: Database, events: JobEvents, wake: Callable[[], None] = lambda: None
    ) -> None:
        self._database = database
        self.wake = wake
        self.remove_log: Callable[[Build], None] = lambda _build: None
        self.events = events

    def add(self, build: Build) -> Build:
        """Keep a new build, for which its user waits."""
        with self._database.session() as session:
            session.add(build)
            session.flush()
            session.add(BuildUser(build_id=build.id, user=build.user, asked=utc_now()))
        self._changed(build)
        return build

    def find(self, build_id: str, user: str | None = None) -> Build:
        """The build of that id, one that the user has asked for where one is given.

        Raises:
            NotFound: there is none.
        """
        with self._database.session() as session:
            build = session.get(Build, build_id)
            sees = user is None or session.get(BuildUser, (build_id, user)) is not None
            if build is None or not sees:
                raise NotFound(ABSENT)
            return build

    def by_key(self, key: str) -> Build | None:
        """The build of that key."""
        with self._database.session() as session:
            return session.scalar(select(Build).where(Build.key == key))

    def of_user(self, user: str) -> list[Build]:
        """All builds that a user has asked for, the last one first."""
        query = select(Build).join(BuildUser).where(BuildUser.user == user)
        with self._database.session() as session:
            return list(session.scalars(query.order_by(BuildUser.asked.desc())))

    def page(self, user: str, page_query: PageQuery) -> Page[Build]:
        """A page of the builds that a user has asked for, the last one first.

        Raises:
            InvalidOptions: the cursor is none of this list.
        """
        query = select(Build).join(BuildUser).where(BuildUser.user == user)
        return _LAST_ASKED.read(self._database, query, page_query)

    def was_asked(self, build: Build, user: str, since: datetime) -> bool:
        """Whether a user has asked for a build since a time."""
        with self._database.session() as session:
            row = session.get(BuildUser, (build.id, user))
            return row is not None and row.asked >= since

    def active(self) -> list[Build]:
        """The builds that have not ended, oldest first."""
        query = select(Build).where(Build.state.in_(ACTIVE)).order_by(Build.used, Build.id)
        with self._database.session() as session:
            return list(session.scalars(query))

    def done(self) -> list[Build]:
        """The builds whose images are there, the one that nobody used for longest first."""
        query = select(Build).where(Build.state == BuildState.DONE).order_by(Build.used)
        with self._database.session() as session:
            return list(session.scalars(query))

    def waiting(self, build: Build) -> int:
        """How many users wait for a build."""
        if build.state.final:
            return 0
        query = select(func.count()).where(BuildUser.build_id == build.id, BuildUser.waits)
        with self._database.session() as session:
            return session.scalar(query) or 0

    def waiting_of(self, user: str) -> int:
        """How many builds a user waits for."""
        query = select(func.count()).where(BuildUser.user == user, BuildUser.waits)
        with self._database.session() as session:
            return session.scalar(query) or 0

    def position(self, build: Build) -> int | None:
        """The place in the queue, from 1 on; None where it does not wait in it."""
        if build.state is not BuildState.QUEUED:
            return None
        ids = [build.id for build in self.active() if build.state is BuildState.QUEUED]
        return ids.index(build.id) + 1 if build.id in ids else None

    def update(self, build_id: str, change: Callable[[Build], None]) -> Build:
        """Change the present row in one transaction, and tell everybody.

        Raises:
            NotFound: it was removed meanwhile.
        """
        with self._database.session() as session:
            row = session.get(Build, build_id, with_for_update=True)
            if row is None:
                raise NotFound(ABSENT)
            change(row)
            if row.state.final:
                nobody = update(BuildUser).where(BuildUser.build_id == build_id)
                session.execute(nobody.values(waits=False))
        self._changed(row)
        return row

    def join(self, build: Build, user: str) -> Build:
        """Let a user see a build, and wait for it if it has not ended."""
        waits = not build.state.final
        with self._database.session() as session:
            session.merge(BuildUser(build_id=build.id, user=user, asked=utc_now(), waits=waits))
        return self.update(build.id, lambda row: setattr(row, "used", max(row.used, utc_now())))

    def restart(self, build: Build, user: str) -> Build:
        """Queue a build again that has ended; the user waits for it."""

        def queue(row: Build) -> None:
            row.state, row.user, row.cancelling, row.transient = (
                BuildState.QUEUED,
                user,
                False,
                False,
            )
            row.message, row.failed_step, row.log_tail = "", "", []
            row.step = row.steps = row.started = row.ended = None
            row.image, row.image_digest, row.image_size = "", "", None

        return self.join(self.update(build.id, queue), user)

    def leave(self, build_id: str, user: str) -> Build | None:
        """Stop waiting for a build; the last who waits cancels it. Forget one that has ended.

        Returns the build where the user still has it.

        Raises:
            NotFound: the user has no such build.
        """
        build = self.find(build_id, user)
        if not build.state.final and self.waiting(build) <= 1:
            build = self.update(build.id, _cancel)
            self.wake()
            return build
        with self._database.session() as session:
            mine = (BuildUser.build_id == build.id, BuildUser.user == user)
            session.execute(delete(BuildUser).where(*mine))
        self.events.publish(build.id, build.id)
        return None

    def delete_user(self, user: str) -> bool:
        """Forget a user; what nobody else waits for is cancelled. Returns whether all is gone."""
        for build in self.of_user(user):
            self.leave(build.id, user)
        if self.of_user(user):
            return False
        self._disown(user)
        return True

    def _disown(self, user: str) -> None:
        """Give builds that the user asked for to those who asked next, or to nobody."""
        with self._database.session() as session:
            for build in session.scalars(select(Build).where(Build.user == user)):
                waiting = select(BuildUser.user).where(BuildUser.build_id == build.id)
                build.user = session.scalar(waiting.order_by(BuildUser.asked).limit(1)) or ""

    def wait_again(self, build: Build, reason: str) -> None:
        """Queue a build again whose builder does not answer.

        Raises:
            NotFound: it was removed meanwhile.
        """

        def wait(row: Build) -> None:
            row.state, row.step, row.steps = BuildState.QUEUED, None, None
            row.message = f"{reason} The build begins again as soon as it can."

        self.update(build.id, wait)

    def fail(self, build: Build, message: str) -> None:
        """End a build for a reason that may pass.

        Raises:
            NotFound: it was removed meanwhile.
        """
        self.update(build.id, lambda row: end(row, BuildState.FAILED, message, transient=True))

    def forget_ended(self, before: datetime) -> None:
        """Forget the builds without an image that ended before a time."""
        ended = [BuildState.FAILED, BuildState.CANCELLED]
        query = select(Build).where(Build.ended < before, Build.state.in_(ended))
        with self._database.session() as session:
            old = list(session.scalars(query))
        for build in old:
            self.forget(build)

    def forget(self, build: Build) -> None:
        """Forget a build, and its log."""
        with self._database.session() as session:
            session.execute(delete(Build).where(Build.id == build.id))
        self.remove_log(build)
        self.events.publish(build.id, build.id)

    def _changed(self, build: Build) -> None:
        self.events.publish(build.id, build.id)
        if build.state is BuildState.QUEUED:
            self.wake()


def new_build(key: str, user: str, link: RepositoryLink, source: RepositorySource) -> Build:
    """A queued build."""
    now = utc_now()
    return Build(
        id=secrets.token_hex(6),
        key=key,
        user=user,
        provider=link.provider,
        spec=link.spec,
        repository=source.name,
        source=asdict(source),
        port=link.port,
        state=BuildState.QUEUED,
        cancelling=False,
        transient=False,
        attempt=0,
        message="",
        failed_step="",
        log_tail=[],
        recipe={},
        image="",
        image_digest="",
        image_arch="",
        created=now,
        used=now,
    )


def source_of(build: Build) -> RepositorySource:
    """What the build is made of."""
    return RepositorySource(**build.source)


def end(build: Build, state: BuildState, message: str, *, transient: bool = False) -> None:
    """End a build."""
    build.state, build.message, build.transient = state, message, transient
    build.ended, build.cancelling = utc_now(), False


def _cancel(build: Build) -> None:
    """End a build that has not begun; ask one that has to remove what it left first."""
    if build.attempt == 0 or build.state.final:
        if not build.state.final:
            end(build, BuildState.CANCELLED, "Cancelled.")
    else:
        build.cancelling, build.message = True, "The build is being cancelled."
