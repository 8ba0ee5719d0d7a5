"""Handlers of tasks: those that the principal sees, and starting them at the hub."""

from typing import Any

from rosetta_hub.database.models import Task
from rosetta_hub.database.paging import Page
from rosetta_hub.errors import HubUnavailable, NotFound
from rosetta_hub.tasks.listing import TaskQuery, read_tasks
from rosetta_hub.tasks.queries import ABSENT
from rosetta_hub.tasks.view import TaskView
from rosetta_hub.web.handlers import HubHandler
from rosetta_hub.web.starters import Starter


class TaskAccess(HubHandler):
    """Finds and shows the tasks of whoever asks, as far as they may be seen."""

    async def start_at_hub(self, user: str, server: str, options: dict[str, Any]) -> None:
        """Have the hub start a server, and record who did once its spawner asks us.

        Raises:
            HubUnavailable: the hub does not answer.
            UserError: the hub, or its spawner, refuses.
        """
        starter = Starter(self.principal.name, self.client_address)
        with self.services.starters.note(user, server, starter):
            await self.services.hub.start_server(user, server, options)

    def was_started(self, user: str, server: str) -> bool:
        """Whether an earlier attempt of this request has started the server.

        The hub may start what it was asked for also where its answer did not arrive.
        """
        if self.attempt is None or not self.attempt.is_repeated:
            return False
        try:
            task = self.services.tasks.find_server(user, server)
        except NotFound:
            return False
        return task.created >= self.attempt.began

    def started_task(self, user: str, server: str) -> Task:
        """The task that the hub has started.

        Raises:
            HubUnavailable: the hub has not got so far.
        """
        try:
            return self.services.tasks.find_server(user, server)
        except NotFound as error:
            raise HubUnavailable(
                "JupyterHub has not started the task yet. Send the request again in a moment, with"
                " the same Idempotency-Key."
            ) from error

    def visible_tasks(self, task_query: TaskQuery) -> Page[Task]:
        """A page of the tasks that the principal sees, newest first; an admin's own by default.

        Raises:
            InvalidOptions: the cursor is none of this list.
        """
        principal = self.principal
        if task_query.user is None and principal.admin:
            task_query = task_query.model_copy(update={"user": principal.name})
        return read_tasks(self.services.tasks.database, task_query, principal.owners())

    def visible_task(self, task_id: str) -> Task:
        """The task.

        Raises:
            NotFound: there is none that the principal may see.
        """
        return self.visible(self.services.tasks.find(task_id))

    def visible(self, task: Task) -> Task:
        """The task, which the principal sees.

        Raises:
            NotFound: the principal may not.
        """
        if not self.principal.sees(task.user, task.server_name):
            raise NotFound(ABSENT)
        return task

    def task_view(self, task: Task) -> TaskView:
        """A task as the principal sees it."""
        return self.services.viewer.view(task, self.principal.rights(task))
