"""The REST API for users: what pages, command line and scripts call.

The scopes are the hub's own for named servers: `access:servers` sees and enters a task, `servers`
starts it, `delete:servers` stops and deletes it.
"""

import asyncio
from typing import Any

from pydantic import BaseModel

from rosetta_hub.agents.spec import software_of
from rosetta_hub.audit.log import AuditEvent
from rosetta_hub.background import spawn
from rosetta_hub.database.models import Task
from rosetta_hub.errors import InvalidOptions, NotFound
from rosetta_hub.web.bodies import parse_body
from rosetta_hub.web.entries import audit_entry
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.starting import new_server_name

# Tasks of a list that are made ready before other requests have their turn: about 10 ms.
VIEWS_IN_A_ROW = 50


class TasksHandler(HubHandler):
    """`api/v1/tasks`: all tasks of the principal, and starting one."""

    renews_rights = True

    async def get(self) -> None:
        """The principal's tasks and those shared with it; `?user=` those of another, for admins."""
        principal, viewer = self.principal, self.services.viewer
        views = []
        for number, task in enumerate(self.visible_tasks(self.get_query_argument("user", None))):
            views.append(viewer.view(task, principal.rights(task)).model_dump(mode="json"))
            if number % VIEWS_IN_A_ROW == VIEWS_IN_A_ROW - 1:
                await asyncio.sleep(0)
        self.answer({"tasks": views})

    async def post(self) -> None:
        """Start a task of the principal, as the hub's server `server` (by default a new one)."""
        options = self.json_body()
        name = _server_name(options.pop("server", None))
        user, tasks = self.principal.user, self.services.tasks
        spec = await self.check_start(options, user)
        tasks.check_limits(spec, user)
        name = name or new_server_name(spec.name)
        if not self.principal.may("servers", user.name, name):
            raise NotFound("This token may not start servers: it lacks the scope 'servers'.")
        await self.start_at_hub(user.name, name, options)
        task = tasks.find_server(user.name, name)
        self.answer(self.services.viewer.view(task, self.principal.rights(task)), 201)


class TellingHandler(HubHandler):
    """For requests after which the hub has to know that a server is not wanted any more."""

    def tell_hub(self, task: Task, remove: bool = False) -> None:
        """Let the hub know, later."""
        hub = self.services.hub
        spawn(hub.stop_server(task.user, task.server_name, remove), f"tell the hub of {task.id}")


class TaskHandler(TellingHandler):
    """`api/v1/tasks/<id>`."""

    def get(self, task_id: str) -> None:
        """The task."""
        task = self.visible_task(task_id)
        self.answer(self.services.viewer.view(task, self.principal.rights(task)))

    async def delete(self, task_id: str) -> None:
        """Stop the task if it runs, and forget it, log included."""
        task = self.services.tasks.find(task_id)
        self.principal.check("delete:servers", task)
        self.audit_task(AuditEvent.TASK_DELETE, task)
        self.services.tasks.request_stop(task, forget=True)
        self.tell_hub(task, remove=True)
        self.services.sharing.task_deleted(task)
        self.answer({}, 202)


class StopHandler(TellingHandler):
    """`api/v1/tasks/<id>/stop`."""

    def post(self, task_id: str) -> None:
        """Stop the task in whatever state it is; a queued one is cancelled."""
        task = self.services.tasks.find(task_id)
        self.principal.check("delete:servers", task)
        self.audit_task(AuditEvent.TASK_STOP, task)
        task = self.services.tasks.request_stop(task)
        self.tell_hub(task)
        self.answer(self.services.viewer.view(task, self.principal.rights(task)), 202)


class StopAllHandler(TellingHandler):
    """`api/v1/users/<name>/stop`: JupyterHub deletes no user whose servers run."""

    def post(self, user: str) -> None:
        """Stop all tasks of a user; the answer holds those that were active."""
        if not self.principal.may_all("delete:servers", user):
            raise NotFound("There is no such user, or this token lacks the scope 'delete:servers'.")
        tasks, principal, viewer = self.services.tasks, self.principal, self.services.viewer
        stopped = [tasks.request_stop(task) for task in tasks.active(user=user)]
        for task in stopped:
            self.audit_task(AuditEvent.TASK_STOP, task)
            self.tell_hub(task)
        views = [
            viewer.view(task, principal.rights(task)).model_dump(mode="json") for task in stopped
        ]
        self.answer({"tasks": views}, 202)


class StartAgain(BaseModel):
    """How a task is started again: with the image that it ran (true), or the tag's present one.

    Without `exact`, with the options it had.
    """

    exact: bool | None = None


class StartHandler(HubHandler):
    """`api/v1/tasks/<id>/start`."""

    async def post(self, task_id: str) -> None:
        """Start the task again with the options it had: a new attempt.

        With `{"exact": true}` it runs the very image that it ran last, with `{"exact": false}` the
        one that its version's tag names now.
        """
        task = self.services.tasks.find(task_id)
        self.principal.check("servers", task)
        options = _options_again(task, parse_body(StartAgain, self.json_body()).exact)
        hub = self.services.hub
        # The hub asks its spawners every few seconds: it may not know yet that the server ended.
        await hub.stop_server(task.user, task.server_name)
        await self.start_at_hub(task.user, task.server_name, options)
        task = self.services.tasks.find(task_id)
        self.answer(self.services.viewer.view(task, self.principal.rights(task)), 201)


class LogHandler(HubHandler):
    """`api/v1/tasks/<id>/log`."""

    def get(self, task_id: str) -> None:
        """The log of an attempt (`?attempt=`, default: the last one), as plain text."""
        task = self.services.tasks.find(task_id)
        self.principal.check("access:servers", task)
        wanted = self.get_query_argument("attempt", "")
        attempt = int(wanted) if wanted.isdecimal() and len(wanted) < 10 else task.attempt
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(self.services.tasks.logs.read(task.id, attempt))


class PasswordHandler(HubHandler):
    """`api/v1/tasks/<id>/password`."""

    def get(self, task_id: str) -> None:
        """User and one-time password of an interface that protects itself."""
        task = self.services.tasks.find(task_id)
        self.principal.check("access:servers", task)
        software = software_of(task)
        if software.interface_auth != "password":
            raise NotFound("This task needs no password: open it with Connect.")
        audit_entry(self, task)
        password = self.services.keys.interface_password(task.id, task.attempt)
        self.answer({"user": software.interface_auth_user, "password": password})


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


def _server_name(given: object) -> str:
    """The name that the principal gives to the hub's server; an empty text where none is given.

    Raises:
        InvalidOptions: it can't be one; what else a name must be is the hub's to say.
    """
    if given is None:
        return ""
    if not isinstance(given, str) or len(given) > 255 or not given.isprintable():
        raise InvalidOptions("The option 'server' is not a name of a server.")
    return given


def api_routes(prefix: str, arguments: dict[str, Any]) -> list[tuple[str, Any, dict[str, Any]]]:
    """The routes of this module below `prefix`."""
    task = rf"{prefix}api/v1/tasks/([0-9a-f]{{12}})"
    return [
        (rf"{prefix}api/v1/tasks", TasksHandler, arguments),
        (task, TaskHandler, arguments),
        (rf"{task}/stop", StopHandler, arguments),
        (rf"{prefix}api/v1/users/([^/]+)/stop", StopAllHandler, arguments),
        (rf"{task}/start", StartHandler, arguments),
        (rf"{task}/log", LogHandler, arguments),
        (rf"{task}/password", PasswordHandler, arguments),
    ]
