"""The queries on tasks. Each reads rows through an index: ended tasks cost nothing but space."""

import asyncio
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Select, or_, select, tuple_

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Task, TaskState
from rosetta_hub.errors import NotFound

ABSENT = "There is no such task. It may have been deleted."
# Lists instead of "not in", which no index answers.
ACTIVE = [state for state in TaskState if not state.final]
FINAL = [state for state in TaskState if state.final]
# SQLite uses an index for a range, but not for "is not null".
HAS_PORT = Task.port > 0
# Tasks that are read before others have their turn: about 10 ms.
TASKS_IN_A_TURN = 150


class TaskQueries:
    """Reads tasks; what it returns are snapshots."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def find(self, task_id: str) -> Task:
        """The task of that id.

        Raises:
            NotFound: there is none.
        """
        with self.database.session() as session:
            return found(session.get(Task, task_id))

    def find_server(self, user: str, server_name: str) -> Task:
        """The task of a named server of the hub (the empty name is the default server).

        Raises:
            NotFound: there is none.
        """
        if "\0" in user + server_name:
            # No name of the hub has it, and PostgreSQL takes no text with it.
            raise NotFound(ABSENT)
        query = select(Task).where(Task.user == user, Task.server_name == server_name)
        with self.database.session() as session:
            return found(session.scalar(query))

    def computing_of(self, task_id: str) -> str:
        """The id of the task's computing resource; an empty text where there is no such task."""
        with self.database.session() as session:
            return session.scalar(select(Task.computing).where(Task.id == task_id)) or ""

    def has_ended(self, task_id: str) -> bool:
        """Whether the task's attempt is over, or the task is gone."""
        with self.database.session() as session:
            state = session.scalar(select(Task.state).where(Task.id == task_id))
        return state is None or state.final

    def all(self, user: str | None = None) -> list[Task]:
        """All tasks (of a user), newest first, ended ones included."""
        query = select(Task).order_by(Task.created.desc())
        return self._list(query if user is None else query.where(Task.user == user))

    def of_owners(self, users: Collection[str], servers: Collection[tuple[str, str]]) -> list[Task]:
        """All tasks of some users, and those of some servers (user, name), newest first."""
        query = select(Task).where(is_of_owners(users, servers))
        return self._list(query.order_by(Task.created.desc()))

    def active(self, computing: str | None = None, user: str | None = None) -> list[Task]:
        """The tasks that have not ended (on a computing resource, of a user), newest first."""
        query = select(Task).where(Task.state.in_(ACTIVE)).order_by(Task.created.desc())
        if computing is not None:
            query = query.where(Task.computing == computing)
        if user is not None:
            query = query.where(Task.user == user)
        return self._list(query)

    async def active_by_turns(self) -> list[Task]:
        """As `active`, read in pieces, between which others have their turn at the event loop."""
        query = select(Task.id).where(Task.state.in_(ACTIVE)).order_by(Task.created.desc())
        with self.database.session() as session:
            ids = list(session.scalars(query))
        tasks: list[Task] = []
        for first in range(0, len(ids), TASKS_IN_A_TURN):
            piece = ids[first : first + TASKS_IN_A_TURN]
            by_id = self.by_ids(piece)
            tasks += [by_id[id_] for id_ in piece if id_ in by_id]
            await asyncio.sleep(0)
        return [task for task in tasks if task.state in ACTIVE]

    def active_records(self) -> list[dict[str, str]]:
        """Id, user, server name and state of the tasks that have not ended."""
        query = select(Task.id, Task.user, Task.server_name, Task.state)
        with self.database.session() as session:
            rows = session.execute(query.where(Task.state.in_(ACTIVE)))
            return [
                {"id": id_, "user": user, "server_name": name, "state": state.value}
                for id_, user, name, state in rows
            ]

    def ended_since(self, time: datetime, computing: str) -> list[Task]:
        """The tasks of a computing resource that have ended after `time`."""
        return self._list(select(Task).where(Task.ended > time, Task.computing == computing))

    def ended_before(self, time: datetime, limit: int) -> list[Task]:
        """The tasks that ended before `time`, oldest first, at most so many."""
        return self._list(select(Task).where(Task.ended < time).order_by(Task.ended).limit(limit))

    def ended_of(self, user: str, newest: int, limit: int) -> list[Task]:
        """The ended tasks of a user beyond the `newest` ones, at most so many."""
        query = select(Task).where(Task.user == user, Task.state.in_(FINAL))
        return self._list(query.order_by(Task.created.desc()).offset(newest).limit(limit))

    def users_with_tasks_ended_since(self, time: datetime) -> set[str]:
        """The users of whose tasks one has ended at `time` or later."""
        # Not "distinct", for which SQLite would read the index of users as a whole.
        with self.database.session() as session:
            return set(session.scalars(select(Task.user).where(Task.ended >= time)))

    def by_ids(self, ids: Collection[str]) -> dict[str, Task]:
        """The tasks of these ids, as far as there are any."""
        return {task.id: task for task in self._list(select(Task).where(Task.id.in_(ids)))}

    def users_of_accounts(self, computing: str, accounts: Collection[str]) -> dict[str, str]:
        """The hub's users whose tasks run, or ran, as these accounts of a computing resource."""
        query = select(Task.remote_user, Task.user).where(
            Task.computing == computing, Task.remote_user.in_(accounts)
        )
        with self.database.session() as session:
            return {str(account): user for account, user in session.execute(query.distinct())}

    def active_ids(self) -> list[str]:
        """Ids of the tasks that are not final, or that still hold a port or wait to be deleted."""
        query = select(Task.id).where(or_(Task.state.in_(ACTIVE), HAS_PORT, Task.forget.is_(True)))
        with self.database.session() as session:
            return list(session.scalars(query))

    def has_port_to_free(self) -> bool:
        """Whether a task that has ended still has a port, which the next task can have soon."""
        query = select(Task.state).where(HAS_PORT)
        with self.database.session() as session:
            return any(state.final for state in session.scalars(query))

    def _list(self, query: Select[Task]) -> list[Task]:
        with self.database.session() as session:
            return list(session.scalars(query))


def is_of_owners(
    users: Collection[str], servers: Collection[tuple[str, str]]
) -> ColumnElement[bool]:
    """The condition: the task is of one of these users, or it is one of these servers."""
    # One list, because SQLite takes no more than a thousand conditions in a row.
    named = [tuple_(Task.user, Task.server_name).in_(servers)] if servers else []
    return or_(Task.user.in_(users), *named)


def found(task: Task | None) -> Task:
    """The task.

    Raises:
        NotFound: there is none.
    """
    if task is None:
        raise NotFound(ABSENT)
    return task
