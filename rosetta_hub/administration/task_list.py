"""All tasks for administrators: filtered, sorted and read page by page by the database."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import Select, func, select
from sqlalchemy.orm import load_only

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import Task
from rosetta_hub.database.paging import Moment, Order, Page, PageQuery
from rosetta_hub.tasks.listing import ShownState, has_state

# What a line of the list needs: the others hold whole documents.
_COLUMNS = (
    *(Task.id, Task.user, Task.name, Task.family, Task.computing, Task.node, Task.reason),
    *(Task.state, Task.desired_state, Task.cpus, Task.memory, Task.memory_used),
    *(Task.created, Task.started, Task.ended),
)
_ORDERS: Mapping[str, Order] = {
    "newest": Order(Task.created, Task.id, datetime, descending=True),
    "oldest": Order(Task.created, Task.id, datetime),
    "user": Order(Task.user, Task.id, str),
    "cpus": Order(func.coalesce(Task.cpus, 0), Task.id, float, descending=True),
    "memory": Order(func.coalesce(Task.memory, 0), Task.id, int, descending=True),
}


class TaskFilter(PageQuery):
    """Which tasks, in which order: all conditions that are set have to be met.

    `user` and `software` are parts of a name. `since` is the first moment of creation, `until`
    ends the time.
    """

    user: str | None = Field(default=None, max_length=255)
    state: ShownState | None = None
    computing: str | None = Field(default=None, max_length=80)
    software: str | None = Field(default=None, max_length=80)
    since: Moment | None = None
    until: Moment | None = None
    sort: Literal["newest", "oldest", "user", "cpus", "memory"] = "newest"


class TaskList:
    """Reads pages of tasks; what it returns are snapshots of the columns that a line shows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, wanted: TaskFilter) -> Page[Task]:
        """The tasks of a page.

        Raises:
            InvalidOptions: the cursor is none of this order.
        """
        query = _filtered(wanted).options(load_only(*_COLUMNS))
        return _ORDERS[wanted.sort].read(self._database, query, wanted)


def _filtered(wanted: TaskFilter) -> Select[Any]:
    query: Any = select(Task)
    if wanted.user:
        query = query.where(Task.user.icontains(wanted.user, autoescape=True))
    if wanted.state:
        query = query.where(has_state(wanted.state))
    if wanted.computing:
        query = query.where(Task.computing == wanted.computing)
    if wanted.software:
        query = query.where(Task.family.icontains(wanted.software, autoescape=True))
    if wanted.since:
        query = query.where(Task.created >= wanted.since)
    if wanted.until:
        query = query.where(Task.created < wanted.until)
    return query  # type: ignore[no-any-return]
