"""What the database keeps about shares; each method is one transaction."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Select, Update, delete, func, select, update

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Task, utc_now
from rosetta_hub.database.models_sharing import ShareLink, TaskShare
from rosetta_hub.errors import Conflict
from rosetta_hub.hub.shares import Kind
from rosetta_hub.keys import digest

# Links of one task that admit somebody, at most.
MOST_LINKS = 100
# How long it is known why a link admits nobody any more.
KEPT = timedelta(days=30)
# Rows that are read at once by what happens every few seconds.
BATCH = 100


@dataclass(frozen=True)
class NewLink:
    """What a link admits: whom, how many, until when, and when their shares end."""

    expires: datetime
    uses: int
    users: Collection[str] = ()
    until: datetime | None = None


class ShareRecords:
    """Rows of shares and links."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, row: TaskShare) -> None:
        """Keep what is known of a share, instead of what was."""
        with self._database.session() as session:
            before = session.scalar(_same(row.task_id, row.kind, row.name))
            row.id = before.id if before else secrets.token_hex(6)
            session.merge(row)

    def of_task(self, task: Task) -> dict[tuple[str, str], TaskShare]:
        """The rows of a task, by kind and name."""
        return {(row.kind, row.name): row for row in self._select(TaskShare.task_id == task.id)}

    def of_tasks(self, tasks: Collection[str]) -> dict[tuple[str, str, str], TaskShare]:
        """The rows of some tasks, by task, kind and name."""
        rows = self._select(TaskShare.task_id.in_(tasks))
        return {(str(row.task_id), row.kind, row.name): row for row in rows}

    def find(self, task: Task, kind: Kind, name: str) -> TaskShare | None:
        """What is known of a share; None where it is nothing."""
        with self._database.session() as session:
            return session.scalar(_same(task.id, kind, name))

    def restore(self, row: TaskShare, before: TaskShare | None) -> None:
        """Have what was known before a change that was refused."""
        if before is None:
            self.delete(row)
        else:
            self.keep(before)

    def keep_only(self, task: Task, present: Collection[tuple[str, str]]) -> None:
        """Forget what the hub does not share any more; what is under way stays."""
        for row in self._select(TaskShare.task_id == task.id):
            if row.granted and (row.kind, row.name) not in present:
                self.delete(row)

    def delete(self, row: TaskShare) -> None:
        """Forget a share."""
        with self._database.session() as session:
            session.execute(delete(TaskShare).where(TaskShare.id == row.id))

    def due(self) -> list[TaskShare]:
        """The shares whose time is over, at most so many; they are to be ended at the hub."""
        with self._database.session() as session:
            query = select(TaskShare).where(TaskShare.until <= utc_now())
            return list(session.scalars(query.order_by(TaskShare.until).limit(BATCH)))

    def orphans(self) -> list[TaskShare]:
        """Those whose task is deleted, at most so many."""
        query = select(TaskShare).where(TaskShare.task_id.is_(None))
        with self._database.session() as session:
            return list(session.scalars(query.limit(BATCH)))

    def has_newer(self, row: TaskShare) -> bool:
        """Whether a newer task of the same server is shared with the same user or group."""
        query = select(func.count()).select_from(TaskShare)
        query = query.where(
            TaskShare.task_id.is_not(None),
            TaskShare.owner == row.owner,
            TaskShare.server_name == row.server_name,
            TaskShare.kind == row.kind,
            TaskShare.name == row.name,
        )
        with self._database.session() as session:
            return bool(session.scalar(query))

    def delete_user(self, user: str) -> None:
        """Forget what a user has shared, and what has been shared with the user.

        Whoever gets the name next is not whom a link was meant for.
        """
        with_user = (TaskShare.kind == "user") & (TaskShare.name == user)
        query = select(ShareLink).where(ShareLink.ended.is_(None))
        with self._database.session() as session:
            session.execute(delete(TaskShare).where((TaskShare.owner == user) | with_user))
            for link in session.scalars(query):
                if user in link.users:
                    link.users = [name for name in link.users if name != user]
                    link.ended = None if link.users else utc_now()
                link.refused = [name for name in link.refused if name != user]

    def add_link(self, task: Task, new: NewLink, created_by: str) -> tuple[ShareLink, str]:
        """A new link and its code, which is not kept.

        Raises:
            Conflict: the task has too many of them.
        """
        code, now = secrets.token_urlsafe(32), utc_now()
        link = ShareLink(
            id=secrets.token_hex(6),
            digest=digest(code),
            task_id=task.id,
            expires=new.expires,
            until=new.until,
            uses=new.uses,
            uses_left=new.uses,
            users=sorted(new.users),
            refused=[],
            created=now,
            created_by=created_by,
        )
        with self._database.session() as session:
            admitting = select(func.count()).select_from(ShareLink)
            admitting = admitting.where(
                ShareLink.task_id == task.id, ShareLink.expires > now, ShareLink.ended.is_(None)
            )
            if (session.scalar(admitting) or 0) >= MOST_LINKS:
                raise Conflict(
                    f"This task has {MOST_LINKS} links, which is the most. End one of them first."
                )
            session.add(link)
        return link, code

    def links(self, task: Task) -> list[ShareLink]:
        """The links of a task that have not been ended, newest first."""
        query = select(ShareLink).where(ShareLink.task_id == task.id, ShareLink.ended.is_(None))
        with self._database.session() as session:
            return list(session.scalars(query.order_by(ShareLink.created.desc(), ShareLink.id)))

    def find_link(self, code: str) -> ShareLink | None:
        """The link of a code."""
        with self._database.session() as session:
            return session.scalar(select(ShareLink).where(ShareLink.digest == digest(code)))

    def end_links(self, task: Task, link_id: str | None = None) -> int:
        """Have a link (or all links of the task) admit nobody any more; returns how many ended."""
        query = update(ShareLink).where(ShareLink.task_id == task.id, ShareLink.ended.is_(None))
        if link_id is not None:
            query = query.where(ShareLink.id == link_id)
        return self._change(query.values(ended=utc_now()))

    def refuse(self, task: Task, user: str) -> None:
        """Have no link of the task let a user in any more, whose share has been ended."""
        with self._database.session() as session:
            query = select(ShareLink).where(ShareLink.task_id == task.id)
            for link in session.scalars(query.with_for_update()):
                link.refused = sorted({*link.refused, user})

    def take_use(self, link: ShareLink) -> bool:
        """Use a link once; False where it has no use left, has expired or was ended meanwhile.

        The database decides: of two who come for the last use one gets it.
        """
        query = update(ShareLink).where(
            ShareLink.id == link.id,
            ShareLink.uses_left > 0,
            ShareLink.expires > utc_now(),
            ShareLink.ended.is_(None),
        )
        return bool(self._change(query.values(uses_left=ShareLink.uses_left - 1)))

    def give_back(self, link: ShareLink) -> None:
        """Undo `take_use`: nobody was let in."""
        query = update(ShareLink).where(ShareLink.id == link.id)
        self._change(query.values(uses_left=ShareLink.uses_left + 1))

    def tidy(self) -> None:
        """Delete links that have admitted nobody for a month."""
        with self._database.session() as session:
            session.execute(delete(ShareLink).where(ShareLink.expires < utc_now() - KEPT))

    def _select(self, condition: ColumnElement[bool]) -> list[TaskShare]:
        with self._database.session() as session:
            return list(session.scalars(select(TaskShare).where(condition)))

    def _change(self, query: Update) -> int:
        """Change rows; returns how many."""
        with self._database.session() as session:
            return int(cast(CursorResult[Any], session.execute(query)).rowcount)


def _same(task_id: str | None, kind: str, name: str) -> Select[TaskShare]:
    return select(TaskShare).where(
        TaskShare.task_id == task_id, TaskShare.kind == kind, TaskShare.name == name
    )
