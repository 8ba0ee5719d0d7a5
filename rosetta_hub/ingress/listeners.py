"""Tasks as the edge serves them."""

from collections.abc import Mapping

from rosetta_hub.agents.credentials import authorization_header
from rosetta_hub.agents.spec import software_of
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import DesiredState, Task, TaskState
from rosetta_hub.edge.client import Session, TaskListener
from rosetta_hub.keys import Keys
from rosetta_hub.resources.resource import Resource
from rosetta_hub.targets import Target as InterfaceTarget
from rosetta_hub.tasks.links import is_http, needs_port, open_url, page_url, task_host


class ListenerBuilder:
    """Describes tasks to the edge."""

    def __init__(self, resources: Mapping[str, Resource], settings: Rosetta, keys: Keys) -> None:
        self._resources = resources
        self._settings = settings
        self._keys = keys

    def build(self, task: Task, sessions: Mapping[str, Session]) -> TaskListener:
        """The listener of a task, which leads to its interface while users may go in.

        Raises:
            pydantic.ValidationError: users may go in, but the stored software is not valid.
        """
        target = self._find_target(task)
        by_port = needs_port(task, self._settings)
        return TaskListener(
            id=task.id,
            port=task.port if by_port else None,
            host=None if by_port else task_host(task, self._settings),
            protocol="http" if is_http(task) else "tcp",
            target=target,
            # Only with a target: a task can be stopped whatever was stored with it.
            target_tls=target is not None and software_of(task).interface_protocol == "https",
            authorization=self._authorization(task) if target is not None else None,
            name=task.name,
            room_url=page_url(task, self._settings),
            open_url=open_url(task, self._settings),
            cookie_secret=self._keys.task_cookie_secret(task.id, task.attempt),
            sessions=sessions,
        )

    def _authorization(self, task: Task) -> str | None:
        password = self._keys.interface_password(task.id, task.attempt)
        return authorization_header(software_of(task), password)

    def _find_target(self, task: Task) -> InterfaceTarget | None:
        resource = self._resources.get(task.computing)
        if (
            resource is None
            or task.state is not TaskState.RUNNING
            or task.desired_state is DesiredState.STOP
        ):
            return None
        return resource.interface_target(task)
