"""The rows of copies; every change of one is told to the open pages."""

import secrets
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Select, delete, select

from rosetta_hub.catalogue.catalogue import User
from rosetta_hub.database.database import Database
from rosetta_hub.database.models import utc_now
from rosetta_hub.database.models_copies import Copy, CopyState, OnConflict, Stage
from rosetta_hub.database.paging import Order, Page, PageQuery
from rosetta_hub.errors import NotFound
from rosetta_hub.jobs.events import JobEvents

ABSENT = "There is no such copy. It may have been removed from the list."
# Lists instead of "not in", which no index answers.
ACTIVE = [CopyState.QUEUED, CopyState.RUNNING]
FINAL = [state for state in CopyState if state.final]
_NEWEST = Order(Copy.created, Copy.id, datetime, descending=True)


class CopyRecords:
    """Reads and changes copies; what it returns are snapshots.

    `wake` is called when there may be a copy to begin, or one to end.
    """

    def __init__(
        self, database: Database, events: JobEvents, wake: Callable[[], None] = lambda: None
    ) -> None:
        self._database = database
        self.wake = wake
        self.events = events

    def add(self, copy: Copy) -> Copy:
        """Keep a new copy, queued."""
        with self._database.session() as session:
            session.add(copy)
        self._changed(copy)
        return copy

    def find(self, copy_id: str, user: str | None = None) -> Copy:
        """The copy of that id, of that user where one is given.

        Raises:
            NotFound: there is none.
        """
        with self._database.session() as session:
            return _found(session.get(Copy, copy_id), user)

    def page(self, user: str, page_query: PageQuery) -> Page[Copy]:
        """A page of the copies of a user, newest first, but for planned ones.

        Raises:
            InvalidOptions: the cursor is none of this list.
        """
        query = select(Copy).where(Copy.user == user, Copy.state != CopyState.PLANNED)
        return _NEWEST.read(self._database, query, page_query)

    def of_user(self, user: str) -> list[Copy]:
        """All copies of a user, newest first, but for planned ones."""
        query = select(Copy).where(Copy.user == user, Copy.state != CopyState.PLANNED)
        return self._list(query.order_by(Copy.created.desc()))

    def of_task(self, task_id: str, attempt: int, stage: Stage) -> list[Copy]:
        """The inputs, or outputs, of an attempt of a task, in the order of their making."""
        query = select(Copy).where(Copy.task_id == task_id, Copy.attempt == attempt)
        return self._list(query.where(Copy.stage == stage).order_by(Copy.created))

    def staging_tasks(self) -> set[str]:
        """The ids of the tasks whose inputs or outputs are not done with."""
        query = select(Copy.task_id).where(Copy.state.in_([CopyState.PLANNED, *ACTIVE]))
        with self._database.session() as session:
            return {task_id for task_id in session.scalars(query) if task_id is not None}

    def active(self) -> list[Copy]:
        """The copies that have not ended, oldest first."""
        return self._list(select(Copy).where(Copy.state.in_(ACTIVE)).order_by(Copy.created))

    def update(self, copy_id: str, change: Callable[[Copy], None]) -> Copy:
        """Change the present row in one transaction, and tell everybody.

        Raises:
            NotFound: it was removed meanwhile.
        """
        with self._database.session() as session:
            row = _found(session.get(Copy, copy_id, with_for_update=True), None)
            change(row)
        self._changed(row)
        return row

    def remove(self, copy_id: str, user: str) -> Copy | None:
        """Cancel a copy that has not ended, and forget one that has.

        Returns the copy where it is still there.

        Raises:
            NotFound: the user has no such copy.
        """
        copy = self.find(copy_id, user)
        if not copy.state.final:
            copy = self.update(copy.id, _cancel)
            if not copy.state.final:
                self.wake()
            return copy
        with self._database.session() as session:
            session.execute(delete(Copy).where(Copy.id == copy.id))
        self.events.publish(user, copy.id)
        return None

    def delete_user(self, user: str) -> bool:
        """Cancel and forget all copies of a user; returns whether none is left."""
        with self._database.session() as session:
            planned = (Copy.user == user, Copy.state == CopyState.PLANNED)
            session.execute(delete(Copy).where(*planned))
        for copy in self.of_user(user):
            cancelled = self.remove(copy.id, user)
            if cancelled is not None and cancelled.state.final:
                self.remove(copy.id, user)
        return not self.of_user(user)

    def wait_again(self, copy: Copy, reason: str) -> None:
        """Queue a copy again whose storage does not answer.

        Raises:
            NotFound: it was removed meanwhile.
        """

        def wait(row: Copy) -> None:
            row.state, row.rate = CopyState.QUEUED, None
            row.message = f"{reason} The copy goes on as soon as it can."

        self.update(copy.id, wait)

    def fail(self, copy: Copy, message: str) -> None:
        """End a copy.

        Raises:
            NotFound: it was removed meanwhile.
        """

        def fail(row: Copy) -> None:
            row.state, row.message, row.ended = CopyState.FAILED, message, utc_now()

        self.update(copy.id, fail)

    def forget_ended(self, before: datetime) -> None:
        """Forget the copies that ended before a time."""
        with self._database.session() as session:
            session.execute(delete(Copy).where(Copy.ended < before, Copy.state.in_(FINAL)))

    def _changed(self, copy: Copy) -> None:
        self.events.publish(copy.user, copy.id)
        if copy.state is CopyState.QUEUED:
            self.wake()

    def _list(self, query: Select[Copy]) -> list[Copy]:
        with self._database.session() as session:
            return list(session.scalars(query))


def new_copy(user: User, source: tuple[str, list[str]], target: tuple[str, str, list[str]]) -> Copy:
    """A queued copy: `source` is storage and paths; `target` storage, folder and names in it."""
    return Copy(
        id=secrets.token_hex(6),
        user=user.name,
        groups=sorted(user.groups),
        admin=user.admin,
        source_storage=source[0],
        source_paths=source[1],
        target_storage=target[0],
        target_path=target[1],
        target_names=target[2],
        conflict=OnConflict.FAIL,
        state=CopyState.QUEUED,
        cancelling=False,
        message="",
        bytes_done=0,
        files_done=0,
        problems=[],
        problem_count=0,
        created=utc_now(),
    )


def owner_of(copy: Copy) -> User:
    """The copy's user, with the groups of when it was asked for."""
    return User(copy.user, frozenset(copy.groups), copy.admin)


def _cancel(copy: Copy) -> None:
    """End a copy that has not begun; ask one that has to remove its part files first."""
    if copy.started is None:
        copy.state, copy.ended, copy.message = CopyState.CANCELLED, utc_now(), "Cancelled."
    elif not copy.state.final:
        copy.cancelling, copy.message = True, "The copy is being cancelled."


def _found(copy: Copy | None, user: str | None) -> Copy:
    if copy is None or (user is not None and copy.user != user):
        raise NotFound(ABSENT)
    return copy
