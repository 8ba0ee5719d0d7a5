"""Addresses of a task: its port or host name at the edge, and its pages at the hub."""

from urllib.parse import urlencode, urlsplit

from rosetta_hub.catalogue.software import HTTP_PROTOCOLS
from rosetta_hub.config import Rosetta
from rosetta_hub.database.models import DesiredState, Task, TaskState


def is_http(task: Task) -> bool:
    """Whether the edge guards the task's interface itself."""
    return task.software.get("interface_protocol") in HTTP_PROTOCOLS


def has_tunnel(task: Task) -> bool:
    """Whether it is known where a running task is.

    The node of a job is told by its scheduler, which is asked now and then; its agent reports at
    once.
    """
    return task.job_id is None or task.interface_kind != "listener" or task.node is not None


def is_open(task: Task) -> bool:
    """Whether users can go in now."""
    return (
        task.state is TaskState.RUNNING
        and task.desired_state is DesiredState.RUN
        and has_tunnel(task)
    )


def listener_id(task: Task, interface: int | None = None) -> str:
    """What the edge calls a task, or the further interface on that port."""
    return task.id if interface is None else f"{task.id}-{interface}"


def needs_port(task: Task, settings: Rosetta, interface: int | None = None) -> bool:
    """Whether the task gets a port of the edge: always, but for HTTP in host-name mode.

    `interface` is the port of a further interface, which is always HTTP.
    """
    return not (settings.host_name_mode and (interface is not None or is_http(task)))


def edge_port(task: Task, interface: int | None = None) -> int | None:
    """The port of the edge that the task has, if it has one."""
    return task.port if interface is None else task.edge_ports.get(str(interface))


def task_host(task: Task, settings: Rosetta, interface: int | None = None) -> str:
    """The host name at which a browser finds the task."""
    if needs_port(task, settings, interface):
        return settings.tasks_host
    return f"{listener_id(task, interface)}.{settings.tasks_host}"


def task_url(task: Task, settings: Rosetta, interface: int | None = None) -> str:
    """Scheme, host and port of the task at the edge, without a path; HTTP only."""
    parts = urlsplit(settings.tasks_url)
    port = parts.port if settings.host_name_mode else edge_port(task, interface)
    suffix = f":{port}" if port else ""
    return f"{parts.scheme}://{task_host(task, settings, interface)}{suffix}"


def command_line(task: Task, settings: Rosetta) -> str | None:
    """What a user types to reach an interface that is not HTTP; None for HTTP."""
    if is_http(task) or task.port is None:
        return None
    protocol = str(task.software.get("interface_protocol"))
    host, user = task_host(task, settings), task.software.get("interface_auth_user")
    if protocol == "ssh":
        return f"ssh -p {task.port} {user}@{host.strip('[]')}"
    return f"{protocol}://{host}:{task.port}"


def page_path(task: Task, settings: Rosetta) -> str:
    """The task's page (waiting room), as a path of the hub's host."""
    return f"{settings.service_prefix}tasks/{task.id}"


def waiting_path(
    task: Task, settings: Rosetta, inside: str = "", interface: int | None = None
) -> str:
    """The task's page, which opens the task by itself as soon as it is ready.

    `inside` is the path of the container, with its query, at which it opens; empty: the software's.
    """
    query = {"wait": "1"}
    if inside:
        query["next"] = inside
    if interface is not None:
        query["interface"] = str(interface)
    return f"{page_path(task, settings)}?{urlencode(query)}"


def open_path(task: Task, settings: Rosetta, interface: int | None = None) -> str:
    """Where a browser gets a ticket for the task, as a path of the hub's host."""
    choice = "" if interface is None else f"?interface={interface}"
    return f"{settings.service_prefix}open/{task.id}{choice}"


def page_url(task: Task, settings: Rosetta) -> str:
    """The task's page (waiting room) at the hub, as an absolute address."""
    return f"{settings.hub_origin}{page_path(task, settings)}"


def open_url(task: Task, settings: Rosetta, interface: int | None = None) -> str:
    """Where a browser gets a ticket for the task, as an absolute address."""
    return f"{settings.hub_origin}{open_path(task, settings, interface)}"
