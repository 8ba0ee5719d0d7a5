"""The REST API for users: what pages, command line and scripts call.

The scopes are the hub's own for named servers: `access:servers` sees and enters a task, `servers`
starts it, `delete:servers` stops and deletes it.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from rosetta_hub.agents.spec import software_of
from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.background import spawn
from rosetta_hub.catalogue.options import TaskOptions
from rosetta_hub.database.models import Task
from rosetta_hub.errors import InvalidOptions, NotFound
from rosetta_hub.tasks.listing import TaskQuery
from rosetta_hub.tasks.usage import UsageView
from rosetta_hub.tasks.view import TaskPage, TaskView
from rosetta_hub.web.bodies import RequestModel
from rosetta_hub.web.operations import Content, operation
from rosetta_hub.web.rights import (
    CHANGE_OWN,
    ENTER_TASK,
    LOGGED_IN,
    SEE_TASK,
    START_TASK,
    STOP_TASK,
    STOP_USER,
    Right,
)
from rosetta_hub.web.task_access import TaskAccess
from rosetta_hub.web.task_lists import view_page
from rosetta_hub.web.task_start import check_start, new_server_name


class NewTask(TaskOptions):
    """A task to start.

    `server` is the name of the hub's server that it becomes, by default a new one.
    """

    server: str | None = Field(default=None, max_length=255)


class StartAgain(RequestModel):
    """How a task is started again: with the image that it ran (true), or the tag's present one.

    Without `exact`, with the options it had.
    """

    exact: bool | None = None


class LogQuery(RequestModel):
    """Which attempt's output it is."""

    attempt: int | None = Field(default=None, ge=1, lt=10**9, description="By default the last")


class PasswordView(BaseModel):
    """The account of an interface that protects itself; the password is of this attempt alone."""

    user: str
    password: str


class TasksHandler(TaskAccess):
    """`api/v1/tasks`: all tasks of the user, and starting one."""

    path = "tasks"
    renews_rights = True

    def check_right(self, right: Right, path: Sequence[str]) -> None:
        """A token that may start one server alone may start it; its name is in the request."""

    @operation(id="list_tasks", right=LOGGED_IN, answer=TaskPage)
    async def get(self, query: TaskQuery) -> TaskPage:
        """The user's tasks, and those shared with the user, newest first."""
        return await view_page(self, query)

    @operation(
        id="start_task",
        right=CHANGE_OWN,
        answer=TaskView,
        status=201,
        refuses=(404, 409, 422),
        body=NewTask,
        idempotent=True,
    )
    async def post(self, body: dict[str, Any]) -> TaskView:
        """Start a task."""
        options = body
        name = _server_name(options.pop("server", None))
        user, tasks = self.principal.user, self.services.tasks
        spec = await check_start(self.services, options, user)
        name = name or new_server_name(spec.name, self.attempt)
        if not self.principal.may("servers", user.name, name):
            raise NotFound("This token may not start servers: it lacks the scope 'servers'.")
        if not self.was_started(user.name, name):
            tasks.check_limits(spec, user)
            await self.start_at_hub(user.name, name, options)
        return self.task_view(self.started_task(user.name, name))


class TellingHandler(TaskAccess):
    """For requests after which the hub has to know that a server is not wanted any more."""

    def tell_hub(self, task: Task, remove: bool = False) -> None:
        """Let the hub know, later."""
        hub = self.services.hub
        spawn(hub.stop_server(task.user, task.server_name, remove), f"tell the hub of {task.id}")


class TaskHandler(TellingHandler):
    """`api/v1/tasks/<id>`."""

    path = "tasks/{task}"

    @operation(id="get_task", right=SEE_TASK, answer=TaskView)
    def get(self, task_id: str) -> TaskView:
        """A task."""
        return self.task_view(self.visible(self.task))

    @operation(id="delete_task", right=STOP_TASK, status=202)
    async def delete(self, task_id: str) -> None:
        """Stop a task if it runs, and forget it, log included."""
        task = self.task
        self.principal.check("delete:servers", task)
        self.audit_task(AuditEvent.TASK_DELETE, task)
        self.services.tasks.request_stop(task, forget=True)
        self.tell_hub(task, remove=True)
        self.services.sharing.task_deleted(task)


class StopHandler(TellingHandler):
    """`api/v1/tasks/<id>/stop`."""

    path = "tasks/{task}/stop"

    @operation(id="stop_task", right=STOP_TASK, answer=TaskView, status=202)
    def post(self, task_id: str) -> TaskView:
        """Stop a task in whatever state it is; a queued one is cancelled."""
        task = self.task
        self.principal.check("delete:servers", task)
        self.audit_task(AuditEvent.TASK_STOP, task)
        task = self.services.tasks.request_stop(task)
        self.tell_hub(task)
        return self.task_view(task)


class StopAllHandler(TellingHandler):
    """`api/v1/users/<name>/stop`: JupyterHub deletes no user whose servers run."""

    path = "users/{user}/stop"

    @operation(id="stop_tasks_of_user", right=STOP_USER, answer=TaskPage, status=202)
    def post(self, user: str) -> TaskPage:
        """Stop all tasks of a user; the answer has those that were active."""
        if not self.principal.may_all("delete:servers", user):
            raise NotFound("There is no such user, or this token lacks the scope 'delete:servers'.")
        tasks = self.services.tasks
        stopped = [tasks.request_stop(task) for task in tasks.active(user=user)]
        for task in stopped:
            self.audit_task(AuditEvent.TASK_STOP, task)
            self.tell_hub(task)
        return TaskPage(tasks=[self.task_view(task) for task in stopped])


class StartHandler(TaskAccess):
    """`api/v1/tasks/<id>/start`."""

    path = "tasks/{task}/start"

    @operation(
        id="start_task_again",
        right=START_TASK,
        answer=TaskView,
        status=201,
        refuses=(409,),
        idempotent=True,
    )
    async def post(self, task_id: str, body: StartAgain) -> TaskView:
        """Start a task again with the options it had: a new attempt.

        With `{"exact": true}` it runs the very image that it ran last, with `{"exact": false}` the
        one that its version's tag names now.
        """
        task = self.task
        self.principal.check("servers", task)
        options = _options_again(task, body.exact)
        if not self.was_started(task.user, task.server_name):
            # The hub asks its spawners every few seconds: it may not know yet that it ended.
            await self.services.hub.stop_server(task.user, task.server_name)
            await self.start_at_hub(task.user, task.server_name, options)
        return self.task_view(self.services.tasks.find(task_id))


class LogHandler(TaskAccess):
    """`api/v1/tasks/<id>/log`."""

    path = "tasks/{task}/log"

    @operation(id="get_task_log", right=ENTER_TASK, answer=Content("text/plain"))
    def get(self, task_id: str, query: LogQuery) -> None:
        """The output of a task, the last attempt by default."""
        task = self.task
        self.principal.check("access:servers", task)
        attempt = query.attempt or task.attempt
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(self.services.tasks.logs.read(task.id, attempt))


class UsageHandler(TaskAccess):
    """`api/v1/tasks/<id>/usage`."""

    path = "tasks/{task}/usage"

    @operation(id="get_task_usage", right=SEE_TASK, answer=UsageView)
    def get(self, task_id: str) -> UsageView:
        """What a task uses over time: CPUs, memory and GPUs, beside what was asked for."""
        return self.services.tasks.usage(self.visible(self.task))


class PasswordHandler(TaskAccess):
    """`api/v1/tasks/<id>/password`."""

    path = "tasks/{task}/password"

    @operation(id="get_task_password", right=ENTER_TASK, answer=PasswordView)
    def get(self, task_id: str) -> PasswordView:
        """User and one-time password of an interface that protects itself."""
        task = self.task
        self.principal.check("access:servers", task)
        software = software_of(task)
        if software.interface_auth != "password":
            raise NotFound("This task needs no password: open it with Connect.")
        self.audit_entry(task)
        password = self.services.keys.interface_password(task.id, task.attempt)
        return PasswordView(user=software.interface_auth_user, password=password)


def _options_again(task: Task, exact: bool | None) -> dict[str, Any]:
    """The options of a task, with or without the digest of its image, as `exact` says.

    Raises:
        InvalidOptions: nobody knows which image it was.
    """
    # A time that was chosen for its end was that of the attempt.
    options = {key: value for key, value in task.options.items() if key != "stop_at"}
    if exact is None:
        return options
    options.pop("digest", None)
    if not exact:
        return options
    if task.image_digest is None:
        raise InvalidOptions(
            "Nobody knows which image this task ran. Start it again with the present one."
        )
    return {**options, "digest": task.image_digest}


def _server_name(value: object) -> str:
    """The name that the principal gives to the hub's server; an empty text where none is given.

    Raises:
        InvalidOptions: it can't be one; what else a name must be is the hub's to say.
    """
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 255 or not value.isprintable():
        raise InvalidOptions("The option 'server' is not a name of a server.")
    return value
