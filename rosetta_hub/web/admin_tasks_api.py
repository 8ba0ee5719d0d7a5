"""`api/v1/admin/tasks`: everybody's tasks, and `api/v1/admin/numbers`: what happened each day."""

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, Field

from rosetta_hub.administration.task_list import TaskFilter, TaskList
from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.database.models import Task
from rosetta_hub.database.paging import PageView
from rosetta_hub.errors import NotFound
from rosetta_hub.tasks.task_urls import page_path
from rosetta_hub.tasks.view import shown_state
from rosetta_hub.web.admin_base import AdminHandler
from rosetta_hub.web.api import TellingHandler
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.operations import operation
from rosetta_hub.web.rights import ADMINISTER

MOST_STOPS = 100


class Days(RequestModel):
    """How many days, today included."""

    days: int = Field(default=30, ge=1, le=400)


class Stops(RequestModel):
    """The ids of tasks that are to stop."""

    ids: list[Annotated[str, Field(pattern="^[0-9a-f]{12}$")]] = Field(max_length=MOST_STOPS)


class AdminTask(BaseModel):
    """A task of anybody's, in a line: cores, memory in bytes."""

    id: str
    user: str
    name: str
    software: str
    computing: str
    node: str | None
    state: str
    reason: str | None
    cpus: float | None
    memory: int | None
    memory_used: int | None
    created: datetime
    started: datetime | None
    ended: datetime | None
    page_url: str


class NamedComputing(BaseModel):
    """A computing resource by its name."""

    id: str
    name: str


class AdminTaskPage(PageView):
    """Tasks, and the resources that they may be on; `next` is null on the last page."""

    tasks: list[AdminTask]
    computing: list[NamedComputing]


class StoppedTasks(BaseModel):
    """The ids of the tasks that were active, and are stopped now."""

    stopped: list[str]


class DayNumbers(BaseModel):
    """What happened on a day (UTC) on a resource: the most that ran at a time is of the day."""

    day: date
    computing: str
    starts: int
    failures: int
    most_running: int


class NumbersView(BaseModel):
    """Numbers by day and resource."""

    numbers: list[DayNumbers]


class AdminTasksHandler(AdminHandler):
    """`api/v1/admin/tasks`."""

    path = "admin/tasks"

    @operation(id="list_all_tasks", right=ADMINISTER, answer=AdminTaskPage)
    def get(self, query: TaskFilter) -> AdminTaskPage:
        """Everybody's tasks."""
        page = TaskList(self.services.tasks.database).page(query)
        computing = self.services.tasks.catalogue.computing.values()
        return AdminTaskPage(
            tasks=[self._view(task) for task in page.rows],
            next=page.next,
            computing=[
                NamedComputing(id=resource.id, name=resource.name) for resource in computing
            ],
        )

    def _view(self, task: Task) -> AdminTask:
        return AdminTask(
            id=task.id,
            user=task.user,
            name=task.name,
            software=task.family,
            computing=task.computing,
            node=task.node,
            state=shown_state(task),
            reason=task.reason,
            cpus=task.cpus,
            memory=task.memory,
            memory_used=task.memory_used,
            created=task.created,
            started=task.started,
            ended=task.ended,
            page_url=page_path(task, self.services.settings),
        )


class AdminStopHandler(AdminHandler, TellingHandler):
    """`api/v1/admin/tasks/stop`."""

    path = "admin/tasks/stop"

    @operation(id="stop_tasks", right=ADMINISTER, answer=StoppedTasks, status=202)
    def post(self, body: Stops) -> StoppedTasks:
        """Stop tasks of anybody; the answer names those that were active."""
        stopped = []
        for task_id in dict.fromkeys(body.ids):
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
        return StoppedTasks(stopped=[task.id for task in stopped])


class NumbersHandler(AdminHandler):
    """`api/v1/admin/numbers`."""

    path = "admin/numbers"

    @operation(id="get_numbers", right=ADMINISTER, answer=NumbersView)
    def get(self, query: Days) -> NumbersView:
        """Starts, failures and the most that ran at a time, by day (UTC) and resource."""
        rows = self.services.administration.report.rows(query.days)
        return NumbersView(
            numbers=[DayNumbers.model_validate(row, from_attributes=True) for row in rows]
        )
