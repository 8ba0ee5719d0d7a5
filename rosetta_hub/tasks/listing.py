"""Lists of tasks for those who see them, filtered and read page by page by the database."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import DesiredState, Task, TaskState
from rosetta_hub.database.paging import Order, Page, PageQuery
from rosetta_hub.tasks.queries import ACTIVE, FINAL, is_of_owners

ShownState = Literal[
    "active", "ended", "queued", "starting", "running", "stopping", "stopped", "failed"
]
_NEWEST = Order(Task.created, Task.id, datetime, descending=True)
# A task that began long ago and has just ended comes first.
_LAST_ENDED = Order(func.coalesce(Task.ended, Task.created), Task.id, datetime, descending=True)
# Users all of whose tasks somebody sees, and single servers (user, name) besides.
Owners = tuple[Collection[str], Collection[tuple[str, str]]]


class TaskQuery(PageQuery):
    """Which tasks: all conditions that are set have to be met.

    `state` may be given several times. `software` is the id of a family, `name` a part of the
    task's name.
    """

    state: list[ShownState] = Field(default=[], max_length=8)
    software: str | None = Field(default=None, max_length=80)
    computing: str | None = Field(default=None, max_length=80)
    user: str | None = Field(
        default=None,
        max_length=255,
        description="Those of this user; by default an admin's own, else all that are visible",
    )
    name: str | None = Field(default=None, max_length=80)


def read_tasks(database: Database, task_query: TaskQuery, owners: Owners | None) -> Page[Task]:
    """A page of the tasks of some owners (None: of everybody), newest first.

    Where only ended ones are wanted, those come first that have ended last.

    Raises:
        InvalidOptions: the cursor is none of this list.
    """
    query = _filtered(task_query)
    if owners is not None:
        query = query.where(is_of_owners(*owners))
    order = _LAST_ENDED if task_query.state == ["ended"] else _NEWEST
    return order.read(database, query, task_query)


def has_state(state: ShownState) -> ColumnElement[bool]:
    """The condition: the task is shown with this state, or one of this group."""
    if state == "stopping":
        return and_(Task.state.in_(ACTIVE), Task.desired_state == DesiredState.STOP)
    groups = {"active": ACTIVE, "ended": FINAL}
    return Task.state.in_(groups.get(state) or [TaskState(state)])


def _filtered(task_query: TaskQuery) -> Select[Any]:
    query: Any = select(Task)
    if task_query.state:
        query = query.where(or_(*(has_state(state) for state in task_query.state)))
    if task_query.software:
        query = query.where(Task.family == task_query.software)
    if task_query.computing:
        query = query.where(Task.computing == task_query.computing)
    if task_query.user is not None:
        query = query.where(Task.user == task_query.user)
    if task_query.name:
        query = query.where(Task.name.icontains(task_query.name, autoescape=True))
    return query  # type: ignore[no-any-return]
