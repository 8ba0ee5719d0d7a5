"""All tasks for administrators: filtered, sorted and read page by page by the database."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import load_only

from rosetta_hub.database.database import Database
from rosetta_hub.database.models import DesiredState, Task, TaskState
from rosetta_hub.errors import InvalidOptions
from rosetta_hub.tasks.queries import ACTIVE, FINAL

# What a line of the list needs: the others hold whole documents.
_COLUMNS = (
    *(Task.id, Task.user, Task.name, Task.family, Task.computing, Task.node, Task.reason),
    *(Task.state, Task.desired_state, Task.cpus, Task.memory, Task.memory_used),
    *(Task.created, Task.started, Task.ended),
)
# By what a list is sorted, and whether the largest comes first; the id decides between equals.
_SORTS: Mapping[str, tuple[Any, bool]] = {
    "newest": (Task.created, True),
    "oldest": (Task.created, False),
    "user": (Task.user, False),
    "cpus": (func.coalesce(Task.cpus, 0), True),
    "memory": (func.coalesce(Task.memory, 0), True),
}
_VALUES: Mapping[str, Any] = {
    "user": lambda task: task.user,
    "cpus": lambda task: task.cpus or 0,
    "memory": lambda task: task.memory or 0,
}


class TaskFilter(BaseModel):
    """Which tasks, in which order: all conditions that are set have to be met.

    `user` and `software` are parts of a name. `after` is the first moment of creation, `before`
    ends the time. `cursor` is the `next` of the page before.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str | None = Field(default=None, max_length=255)
    state: (
        Literal["active", "ended", "queued", "starting", "running", "stopping", "stopped", "failed"]
        | None
    ) = None
    computing: str | None = Field(default=None, max_length=80)
    software: str | None = Field(default=None, max_length=80)
    after: AwareDatetime | None = None
    before: AwareDatetime | None = None
    sort: Literal["newest", "oldest", "user", "cpus", "memory"] = "newest"
    cursor: str | None = Field(default=None, max_length=400)
    limit: int = Field(default=50, ge=1, le=500)


class TaskList:
    """Reads pages of tasks; what it returns are snapshots of the columns that a line shows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, wanted: TaskFilter) -> tuple[list[Task], str | None]:
        """The tasks of a page, and the cursor of the next one; None where it is the last.

        Raises:
            InvalidOptions: the cursor is none of this order.
        """
        column, descending = _SORTS[wanted.sort]
        order = [each.desc() if descending else each.asc() for each in (column, Task.id)]
        query = _filtered(wanted).options(load_only(*_COLUMNS))
        if wanted.cursor:
            query = query.where(_beyond(wanted))
        with self._database.session() as session:
            rows = list(session.scalars(query.order_by(*order).limit(wanted.limit + 1)))
        page = rows[: wanted.limit]
        return page, _cursor(page[-1], wanted.sort) if len(rows) > wanted.limit else None


def _filtered(wanted: TaskFilter) -> Select[Any]:
    query: Any = select(Task)
    if wanted.user:
        query = query.where(Task.user.icontains(wanted.user, autoescape=True))
    if wanted.state:
        query = query.where(_has_state(wanted.state))
    if wanted.computing:
        query = query.where(Task.computing == wanted.computing)
    if wanted.software:
        query = query.where(Task.family.icontains(wanted.software, autoescape=True))
    if wanted.after:
        query = query.where(Task.created >= wanted.after)
    if wanted.before:
        query = query.where(Task.created < wanted.before)
    return query  # type: ignore[no-any-return]


def _has_state(state: str) -> ColumnElement[bool]:
    if state == "stopping":
        return and_(Task.state.in_(ACTIVE), Task.desired_state == DesiredState.STOP)
    groups = {"active": ACTIVE, "ended": FINAL}
    return Task.state.in_(groups.get(state) or [TaskState(state)])


def _cursor(task: Task, sort: str) -> str:
    value = _VALUES[sort](task) if sort in _VALUES else task.created.isoformat()
    return json.dumps([value, task.id])


def _beyond(wanted: TaskFilter) -> ColumnElement[bool]:
    """The condition: behind the last task of the page before."""
    column, descending = _SORTS[wanted.sort]
    value, task_id = _read_cursor(wanted)
    if descending:
        return or_(column < value, and_(column == value, Task.id < task_id))
    return or_(column > value, and_(column == value, Task.id > task_id))


def _read_cursor(wanted: TaskFilter) -> tuple[Any, str]:
    try:
        value, task_id = json.loads(wanted.cursor or "")
        if wanted.sort in ("newest", "oldest"):
            value = datetime.fromisoformat(value)
            is_fit = value.tzinfo is not None
        else:
            is_fit = isinstance(value, str if wanted.sort == "user" else int | float)
        if is_fit and isinstance(task_id, str):
            return value, task_id
    except (TypeError, ValueError, RecursionError):
        pass
    raise InvalidOptions("The cursor is none of this list. Begin with the first page again.")
