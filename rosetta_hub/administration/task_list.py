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

    def page(self, task_filter: TaskFilter) -> Page[Task]:
        """The tasks of a page.

        Raises:
            InvalidOptions: the cursor is none of this order.
        """
        query = _filtered(task_filter).options(load_only(*_COLUMNS))
        return _ORDERS[task_filter.sort].read(self._database, query, task_filter)


def _filtered(task_filter: TaskFilter) -> Select[Any]:
    query: Any = select(Task)
    if task_filter.user:
        query = query.where(Task.user.icontains(task_filter.user, autoescape=True))
    if task_filter.state:
        query = query.where(has_state(task_filter.state))
    if task_filter.computing:
        query = query.where(Task.computing == task_filter.computing)
    if task_filter.software:
        query = query.where(Task.family.icontains(task_filter.software, autoescape=True))
    if task_filter.since:
        query = query.where(Task.created >= task_filter.since)
    if task_filter.until:
        query = query.where(Task.created < task_filter.until)
    return query  # type: ignore[no-any-return]
