"""The further interfaces of a task: what its software declares, and what its agent says of them."""

from typing import Any

from rosetta_hub.catalogue.interfaces import Interface
from rosetta_hub.database.models import Task


def further_interfaces(task: Task) -> tuple[Interface, ...]:
    """Those that the software declared when the attempt began.

    They were checked then: a task can be shown and stopped whatever the rules are now.
    """
    stored: list[dict[str, Any]] = task.software.get("interfaces") or []
    return tuple(Interface.model_construct(**interface) for interface in stored)


def further_ports(task: Task) -> tuple[int, ...]:
    """Their ports in the container."""
    return tuple(interface.port for interface in further_interfaces(task))


def published_as(task: Task, port: int) -> int | None:
    """What the port of a further interface was published as, if the agent has said so."""
    states = (state for state in task.interface_states if state["port"] == port)
    return next((state["published"] for state in states), None)


def is_ready(task: Task, interface: Interface) -> bool:
    """Whether it answered when the agent asked it last."""
    return is_ready_port(task, interface.port)


def is_ready_port(task: Task, port: int) -> bool:
    """Whether the further interface on that port answered when it was asked last."""
    return any(state["port"] == port and state["ready"] for state in task.interface_states)
