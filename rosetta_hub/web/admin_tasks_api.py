"""`api/v1/admin/tasks`: everybody's tasks, and `api/v1/admin/numbers`: what happened each day."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from rosetta_hub.administration.task_list import TaskFilter, TaskList
from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.database.models import Task
from rosetta_hub.errors import NotFound
from rosetta_hub.tasks.links import page_path
from rosetta_hub.tasks.view import shown_state
from rosetta_hub.web.admin_base import AdminHandler, Routes
from rosetta_hub.web.api import TellingHandler
from rosetta_hub.web.bodies import parse_body

MOST_STOPS = 100


class Days(BaseModel):
    """How many days, today included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: int = Field(default=30, ge=1, le=400)


class Stops(BaseModel):
    """The ids of tasks that are to stop."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ids: list[Annotated[str, Field(pattern="^[0-9a-f]{12}$")]] = Field(max_length=MOST_STOPS)


class AdminTasksHandler(AdminHandler):
    """`api/v1/admin/tasks`."""

    def get(self) -> None:
        """A page of tasks; `next` is null on the last one."""
        page = TaskList(self.services.tasks.database).page(self.read_query(TaskFilter))
        computing = self.services.tasks.catalogue.computing.values()
        self.answer(
            {
                "tasks": [self._document(task) for task in page.rows],
                "next": page.next,
                "computing": [{"id": one.id, "name": one.name} for one in computing],
            }
        )

    def _document(self, task: Task) -> dict[str, Any]:
        return {
            "id": task.id,
            "user": task.user,
            "name": task.name,
            "software": task.family,
            "computing": task.computing,
            "node": task.node,
            "state": shown_state(task),
            "reason": task.reason,
            "cpus": task.cpus,
            "memory": task.memory,
            "memory_used": task.memory_used,
            "created": _iso(task.created),
            "started": _iso(task.started),
            "ended": _iso(task.ended),
            "page_url": page_path(task, self.services.settings),
        }


class AdminStopHandler(AdminHandler, TellingHandler):
    """`api/v1/admin/tasks/stop`."""

    def post(self) -> None:
        """Stop tasks; the answer names those that were active."""
        stopped = []
        for task_id in dict.fromkeys(parse_body(Stops, self.json_body()).ids):
            try:
                task = self.services.tasks.find(task_id)
                if not task.state.final:
                    self.services.tasks.request_stop(task)
                    stopped.append(task)
            except NotFound:
                # It has been deleted, which ends it as well.
                continue
        for task in stopped:
            self.audit_task(AuditEvent.TASK_STOP, task)
            self.tell_hub(task)
        self.answer({"stopped": [task.id for task in stopped]}, 202)


class NumbersHandler(AdminHandler):
    """`api/v1/admin/numbers`."""

    def get(self) -> None:
        """Starts, failures and the most that ran at a time, by day (UTC) and resource."""
        rows = self.services.administration.report.rows(self.read_query(Days).days)
        numbers = [
            {
                "day": row.day.isoformat(),
                "computing": row.computing,
                "starts": row.starts,
                "failures": row.failures,
                "most_running": row.most_running,
            }
            for row in rows
        ]
        self.answer({"numbers": numbers})


def _iso(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def admin_tasks_routes(prefix: str, arguments: dict[str, Any]) -> Routes:
    """The routes of this module below `prefix`."""
    tasks = rf"{prefix}api/v1/admin/tasks"
    return [
        (tasks, AdminTasksHandler, arguments),
        (rf"{tasks}/stop", AdminStopHandler, arguments),
        (rf"{prefix}api/v1/admin/numbers", NumbersHandler, arguments),
    ]
