"""Tasks as the edge serves them."""

from collections.abc import Mapping

from rosetta_hub.agents.credentials import authorization_header
from rosetta_hub.agents.spec import software_of
from rosetta_hub.catalogue.interfaces import Interface
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import DesiredState, Task, TaskState
from rosetta_hub.edge.client import Session, TaskListener
from rosetta_hub.keys import Keys
from rosetta_hub.resources.resource import Resource
from rosetta_hub.targets import Target as InterfaceTarget
from rosetta_hub.tasks.interfaces import further_interfaces, further_ports
from rosetta_hub.tasks.task_urls import (
    edge_port,
    is_http,
    listener_id,
    needs_port,
    open_url,
    page_url,
    task_host,
)


class ListenerBuilder:
    """Describes tasks to the edge."""

    def __init__(self, resources: Mapping[str, Resource], settings: Rosetta, keys: Keys) -> None:
        self._resources = resources
        self._settings = settings
        self._keys = keys

    def build(self, task: Task, sessions: Mapping[str, Session]) -> list[TaskListener]:
        """The listener of a task, and those of its further interfaces that have a place.

        Each leads to its interface while users may go in. Whoever may enter one may enter all.

        Raises:
            ResourceUnavailable: it is not known where the task is.
            pydantic.ValidationError: users may go in, but the stored software is not valid.
        """
        further = [
            self._build_further(task, interface, sessions)
            for interface in further_interfaces(task)
            if self._has_place(task, interface.port)
        ]
        return [self._build_main(task, sessions), *further]

    def _has_place(self, task: Task, port: int) -> bool:
        return not needs_port(task, self._settings, port) or edge_port(task, port) is not None

    def _build_further(
        self, task: Task, interface: Interface, sessions: Mapping[str, Session]
    ) -> TaskListener:
        port = interface.port
        by_port = needs_port(task, self._settings, port)
        return TaskListener(
            id=listener_id(task, port),
            port=edge_port(task, port) if by_port else None,
            host=None if by_port else task_host(task, self._settings, port),
            target=self._find_target(task, port),
            target_tls=interface.protocol == "https",
            name=f"{interface.name} of {task.name}",
            room_url=page_url(task, self._settings),
            open_url=open_url(task, self._settings, port),
            cookie_secret=self._keys.task_cookie_secret(task.id, task.attempt, port),
            sessions=sessions,
        )

    def _build_main(self, task: Task, sessions: Mapping[str, Session]) -> TaskListener:
        target = self._find_target(task, None)
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
            interfaces=further_ports(task),
        )

    def _authorization(self, task: Task) -> str | None:
        password = self._keys.interface_password(task.id, task.attempt)
        return authorization_header(software_of(task), password)

    def _find_target(self, task: Task, interface: int | None) -> InterfaceTarget | None:
        resource = self._resources.get(task.computing)
        if (
            resource is None
            or task.state is not TaskState.RUNNING
            or task.desired_state is DesiredState.STOP
        ):
            return None
        return resource.interface_target(task, interface)
